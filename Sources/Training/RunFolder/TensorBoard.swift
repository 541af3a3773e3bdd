import Foundation
import Imaging

/// Curves and images for TensorBoard: one `events.out.tfevents.…` file a start of the program.
///
/// Events wait in memory until ``flush()``, which is worth calling after each group of them; when
/// the program ends before, they are missing, and nothing else is.
public final class EventWriter {
    /// The file.
    public let path: String
    private let now: () -> Double
    private var waiting: [UInt8] = []
    /// -1 after a failure.
    private var descriptor: Int32

    /// Begins a file.
    ///
    /// - Parameters:
    ///   - folder: the run's folder.
    ///   - step: the step that the run resumes at; TensorBoard then drops what older files of the
    ///     folder say about later steps.
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)`` with the system's reason.
    public convenience init(folder: String, resumingAt step: Int? = nil) throws(RunFolderError) {
        let host = ProcessInfo.processInfo.hostName.filter {
            $0.isLetter || $0.isNumber || $0 == "-"
        }
        let second = Self.beginning(in: folder)
        try self.init(
            path: "\(folder)/events.out.tfevents.\(second).\(host).\(getpid()).0",
            resumingAt: step, now: { Date().timeIntervalSince1970 })
    }

    init(
        path: String, resumingAt step: Int?, now: @escaping () -> Double
    ) throws(RunFolderError) {
        self.path = path
        self.now = now
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.failure(path) }
        var version = ProtocolBuffer()
        version.add(EventField.time, now())
        version.add(EventField.version, "brain.Event:2")
        append(version)
        if let step {
            var session = ProtocolBuffer()
            session.add(SessionField.status, SessionField.start)
            var event = ProtocolBuffer()
            event.add(EventField.time, now())
            // From this step on everything older is void: the one after the last that counts.
            event.add(EventField.step, step + 1)
            event.add(EventField.session, session)
            append(event)
        }
        try flush()
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Adds numbers of one step.
    ///
    /// - Parameters:
    ///   - scalars: numbers by their tags, such as `train/loss`; written in the tags' order.
    ///   - step: the optimizer's step.
    public func add(_ scalars: [String: Double], step: Int) {
        var summary = ProtocolBuffer()
        for (tag, number) in scalars.sorted(by: { $0.key < $1.key }) {
            var value = ProtocolBuffer()
            value.add(ValueField.tag, tag)
            value.add(ValueField.number, Float(number))
            summary.add(SummaryField.value, value)
        }
        add(summary, step: step)
    }

    /// Adds an image.
    ///
    /// - Parameters:
    ///   - image: grey or RGB.
    ///   - tag: its name, such as `val_pred/worst`.
    ///   - step: the optimizer's step.
    /// - Throws: `ImageError` when memory is short.
    public func add(_ image: Image, tag: String, step: Int) throws(ImageError) {
        add(
            png: try image.encodedPNG(), size: image.size, channels: image.channels, tag: tag,
            step: step)
    }

    func add(png: [UInt8], size: Size, channels: Int, tag: String, step: Int) {
        var image = ProtocolBuffer()
        image.add(ImageField.height, size.height)
        image.add(ImageField.width, size.width)
        image.add(ImageField.channels, channels)
        image.add(ImageField.content, png)
        var value = ProtocolBuffer()
        value.add(ValueField.tag, tag)
        value.add(ValueField.image, image)
        var summary = ProtocolBuffer()
        summary.add(SummaryField.value, value)
        add(summary, step: step)
    }

    private func add(_ summary: ProtocolBuffer, step: Int) {
        var event = ProtocolBuffer()
        event.add(EventField.time, now())
        event.add(EventField.step, step)
        event.add(EventField.summary, summary)
        append(event)
    }

    private func append(_ event: ProtocolBuffer) {
        waiting += EventRecord.framed(event.bytes)
    }

    /// Hands what waits to the system; from then on a sudden end of the program loses nothing.
    ///
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)``, as when the disk is full; the file
    ///   then takes no more.
    public func flush() throws(RunFolderError) {
        let bytes = waiting
        waiting = []
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map { write(descriptor, $0 + done, bytes.count - done) } ?? 0
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let error = Self.failure(path)
                // A reader stops at a torn record; what came after it would be lost.
                if descriptor >= 0 { close(descriptor) }
                descriptor = -1
                throw error
            }
            done += count
        }
    }

    /// The second in the file's name: TensorBoard reads the files of a folder by name, so it lies
    /// after that of each older one, also when two starts share a second or a clock went back.
    private static func beginning(in folder: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let seconds = names.compactMap { name -> Int? in
            let parts = name.split(separator: ".")
            guard name.hasPrefix("events.out.tfevents."), parts.count > 3 else { return nil }
            return Int(parts[3])
        }
        let now = Int(Date().timeIntervalSince1970)
        // A number of ten digits sorts as a word only among its like.
        let known = seconds.filter { (1_000_000_000..<9_999_999_999).contains($0) }
        return max(now, (known.max() ?? 0) + 1)
    }

    private static func failure(_ path: String) -> RunFolderError {
        .cannotWrite(path: path, reason: String(cString: strerror(errno)))
    }
}

// Field numbers of tensorboard/compat/proto/{event,summary}.proto.

private enum EventField {
    static let (time, step, version, summary, session) = (1, 2, 3, 5, 7)
}

private enum SessionField {
    static let (status, start) = (1, 1)
}

private enum SummaryField {
    static let value = 1
}

private enum ValueField {
    static let (tag, number, image) = (1, 2, 4)
}

private enum ImageField {
    static let (height, width, channels, content) = (1, 2, 3, 4)
}

/// TensorFlow's record: length, its check, content, its check.
///
/// https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
enum EventRecord {
    /// Frames one event.
    ///
    /// - Parameter content: an encoded event.
    /// - Returns: what the file gets.
    static func framed(_ content: [UInt8]) -> [UInt8] {
        let length = littleEndian(UInt64(content.count))
        return length + littleEndian(maskedCheck(length)) + content
            + littleEndian(maskedCheck(content))
    }

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    /// CRC-32C, turned and shifted, so that a check of data that hold checks is still one.
    private static func maskedCheck(_ bytes: [UInt8]) -> UInt32 {
        let check = crc32c(bytes)
        return (check >> 15 | check << 17) &+ 0xA282_EAD8
    }

    /// The CRC of Castagnoli's polynomial: `123456789` gives 0xE3069283.
    ///
    /// - Parameter bytes: what is checked.
    /// - Returns: the check, not masked.
    static func crc32c(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0) { check, byte in
            check >> 8 ^ table[Int(UInt8(truncatingIfNeeded: check) ^ byte)]
        }
    }

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1
        }
    }
}

/// The few forms of the protocol buffers encoding that TensorBoard's events need.
///
/// https://protobuf.dev/programming-guides/encoding/
struct ProtocolBuffer {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ field: Int, _ value: Double) {
        tag(field, 1)
        append(value.bitPattern)
    }

    mutating func add(_ field: Int, _ value: Float) {
        tag(field, 5)
        append(value.bitPattern)
    }

    /// A whole number; 0 is what a missing one means, so it is left out.
    mutating func add(_ field: Int, _ value: Int) {
        guard value != 0 else { return }
        tag(field, 0)
        variable(UInt64(bitPattern: Int64(value)))
    }

    mutating func add(_ field: Int, _ value: String) {
        add(field, Array(value.utf8))
    }

    mutating func add(_ field: Int, _ message: ProtocolBuffer) {
        add(field, message.bytes)
    }

    mutating func add(_ field: Int, _ value: [UInt8]) {
        tag(field, 2)
        variable(UInt64(value.count))
        bytes += value
    }

    private mutating func tag(_ field: Int, _ wireType: Int) {
        variable(UInt64(field << 3 | wireType))
    }

    private mutating func variable(_ value: UInt64) {
        var rest = value
        while rest > 127 {
            bytes.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
}
