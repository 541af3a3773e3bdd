import FileIO
import Foundation
import Imaging

/// Writes curves and images for TensorBoard: one `events.out.tfevents.…` file for each start of the
/// program.
///
/// Events are buffered until ``flush()``; buffered events are lost when the program is killed.
public final class EventWriter {
    /// The file.
    public let path: String
    private let now: () -> Double
    private var buffer: [UInt8] = []
    /// -1 after a failure.
    private var descriptor: Int32

    /// Makes a file.
    ///
    /// - Parameters:
    ///   - folder: the run's folder.
    ///   - step: the step that the run resumes at: TensorBoard then ignores later steps in older
    ///     files of the folder.
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)`` with the system's reason.
    public convenience init(folder: String, resumingAt step: Int? = nil) throws(RunFolderError) {
        let host = ProcessInfo.processInfo.hostName.filter {
            $0.isLetter || $0.isNumber || $0 == "-"
        }
        let second = Self.startSecond(in: folder)
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
        var version = ProtobufMessage()
        version.add(EventField.time, now())
        version.add(EventField.version, "brain.Event:2")
        append(version)
        if let step {
            var session = ProtobufMessage()
            session.add(SessionField.status, SessionField.start)
            var event = ProtobufMessage()
            event.add(EventField.time, now())
            // TensorBoard ignores older events from this step on.
            event.addUnlessZero(EventField.step, step + 1)
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
    ///   - scalars: numbers by their tags, for example `train/loss`; written in the order of the
    ///     tags.
    ///   - step: the optimizer step.
    public func add(_ scalars: [String: Double], step: Int) {
        var summary = ProtobufMessage()
        for (tag, number) in scalars.sorted(by: { $0.key < $1.key }) {
            var value = ProtobufMessage()
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
    ///   - tag: the image's tag, for example `val_pred/worst`.
    ///   - step: the optimizer step.
    /// - Throws: `ImageError` when memory is short.
    public func add(_ image: Image, tag: String, step: Int) throws(ImageError) {
        add(
            png: try image.encodedPNG(), size: image.size, channels: image.channels, tag: tag,
            step: step)
    }

    func add(png: [UInt8], size: Size, channels: Int, tag: String, step: Int) {
        var image = ProtobufMessage()
        image.addUnlessZero(ImageField.height, size.height)
        image.addUnlessZero(ImageField.width, size.width)
        image.addUnlessZero(ImageField.channels, channels)
        image.add(ImageField.content, bytes: png)
        var value = ProtobufMessage()
        value.add(ValueField.tag, tag)
        value.add(ValueField.image, image)
        var summary = ProtobufMessage()
        summary.add(SummaryField.value, value)
        add(summary, step: step)
    }

    private func add(_ summary: ProtobufMessage, step: Int) {
        var event = ProtobufMessage()
        event.add(EventField.time, now())
        event.addUnlessZero(EventField.step, step)
        event.add(EventField.summary, summary)
        append(event)
    }

    private func append(_ event: ProtobufMessage) {
        buffer += EventRecord.framed(event.bytes)
    }

    /// Writes the buffered events to the file.
    ///
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)``, as when the disk is full; all
    ///   further writes fail then.
    public func flush() throws(RunFolderError) {
        let bytes = buffer
        buffer = []
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                raw.baseAddress.map { write(descriptor, $0 + done, bytes.count - done) } ?? 0
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let error = Self.failure(path)
                // A reader stops at an incomplete record, so nothing may follow it.
                if descriptor >= 0 { close(descriptor) }
                descriptor = -1
                throw error
            }
            done += count
        }
    }

    /// The Unix time in the file's name.
    ///
    /// TensorBoard reads the files of a folder in the order of
    /// their names, so the time is later than that of each older file, also when two starts share
    /// a second or the clock was set back.
    private static func startSecond(in folder: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let seconds = names.compactMap { name -> Int? in
            let parts = name.split(separator: ".")
            guard name.hasPrefix("events.out.tfevents."), parts.count > 3 else { return nil }
            return Int(parts[3])
        }
        let now = Int(Date().timeIntervalSince1970)
        // Names sort by time only among times of ten digits.
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

/// A record of TensorFlow: length, checksum of the length, content, checksum of the content.
///
/// https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
enum EventRecord {
    /// Frames one event.
    ///
    /// - Parameter content: an encoded event.
    /// - Returns: the record.
    static func framed(_ content: [UInt8]) -> [UInt8] {
        let length = littleEndian(UInt64(content.count))
        return length + littleEndian(maskedChecksum(length)) + content
            + littleEndian(maskedChecksum(content))
    }

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    /// CRC-32C, rotated and shifted as TensorFlow does.
    private static func maskedChecksum(_ bytes: [UInt8]) -> UInt32 {
        let checksum = crc32c(bytes)
        return (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8
    }

    /// CRC-32C (Castagnoli): the ASCII text `123456789` gives 0xE3069283.
    ///
    /// - Parameter bytes: any bytes.
    /// - Returns: the checksum, not masked.
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
