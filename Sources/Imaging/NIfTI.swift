import CZlib
import FileIO

/// Images of one size from a NIfTI-1 file: an image, or a sequence of them.
///
/// The first axis is x and the second y, as echocardiography stores them; all further axes count
/// frames. The orientation in the header says how a volume lies in a body, and is not applied.
public struct NIfTIVolume: Sendable {
    /// Columns of each image.
    public let width: Int
    /// Rows of each image.
    public let height: Int
    /// Images, at least 1.
    public let frames: Int
    /// Extent of a pixel, where the file tells.
    public let spacing: PixelSpacing?

    private let header: NIfTIHeader
    private let voxels: [UInt8]
    private let name: String

    /// Reads a `.nii` or `.nii.gz` file.
    ///
    /// - Parameters:
    ///   - path: the file; links are followed, folders, devices and pipes refused.
    ///   - limits: how many voxels, and how many bytes packed or unpacked, are accepted.
    /// - Returns: the volume.
    /// - Throws: ``NIfTIError``; a truncated or damaged file never gives half a volume.
    public static func read(
        _ path: String, limits: ImageLimits = .standard
    ) throws(NIfTIError) -> NIfTIVolume {
        let bytes: [UInt8]
        do throws(FileReadError) {
            bytes = try RegularFile.read(path, limit: limits.bytes)
        } catch {
            switch error {
            case .tooLarge: throw .tooLarge(name: path, reason: error.reason)
            default: throw .cannotRead(name: path, reason: error.reason)
            }
        }
        return try decode(bytes, name: path, limits: limits)
    }

    /// Decodes a `.nii` or `.nii.gz` file held in memory.
    ///
    /// - Parameters:
    ///   - bytes: the whole file, packed by gzip or not.
    ///   - name: what to call it in an error.
    ///   - limits: how many voxels, and how many bytes packed or unpacked, are accepted.
    /// - Returns: the volume.
    /// - Throws: ``NIfTIError``; a truncated or damaged file never gives half a volume.
    public static func decode(
        _ bytes: [UInt8], name: String, limits: ImageLimits = .standard
    ) throws(NIfTIError) -> NIfTIVolume {
        guard bytes.starts(with: Gunzip.magic) else {
            let header = try NIfTIHeader(bytes, name: name, limits: limits)
            guard bytes.count - header.offset >= header.voxelBytes else {
                throw .damaged(name: name, reason: "it ends before its last voxel")
            }
            let end = header.offset + header.voxelBytes
            return NIfTIVolume(header, Array(bytes[header.offset..<end]), name: name)
        }
        let stream = try Gunzip(bytes, name: name)
        let start = try stream.read(NIfTIHeader.byteCount)
        guard start.count == NIfTIHeader.byteCount else { throw .notNIfTI(name: name) }
        let header = try NIfTIHeader(start, name: name, limits: limits)
        guard header.voxelBytes <= bytes.count * Gunzip.largestRatio else {
            throw .damaged(name: name, reason: "it says it has more voxels than it can hold")
        }
        _ = try stream.read(header.offset - NIfTIHeader.byteCount)
        let voxels = try stream.read(header.voxelBytes)
        guard voxels.count == header.voxelBytes else {
            throw .damaged(name: name, reason: "it ends before its last voxel")
        }
        // To the end, where the checksum is; what is packed after the voxels is little or a bomb.
        guard try stream.read(1 << 20).count < 1 << 20 else {
            throw .damaged(name: name, reason: "much follows its last voxel")
        }
        return NIfTIVolume(header, voxels, name: name)
    }

    private init(_ header: NIfTIHeader, _ voxels: [UInt8], name: String) {
        width = header.width
        height = header.height
        frames = header.frames
        spacing = header.spacing
        self.header = header
        self.voxels = voxels
        self.name = name
    }

    /// The numbers of one image, scaled as the header says.
    ///
    /// - Parameter frame: its number, from 0.
    /// - Returns: `width * height` values, row by row.
    public func values(frame: Int) -> [Double] {
        precondition((0..<frames).contains(frame), "a frame of the volume")
        let size = header.element.bytes
        let first = frame * width * height
        return voxels.withUnsafeBytes { buffer in
            (first..<first + width * height).map { index in
                let stored = number(buffer, at: index * size)
                return header.slope == 1 && header.intercept == 0
                    ? stored : header.slope * stored + header.intercept
            }
        }
    }

    /// One image as grey of 8 bits, nothing changed.
    ///
    /// - Parameter frame: its number, from 0.
    /// - Returns: an image of one channel.
    /// - Throws: ``NIfTIError/notGrey(name:value:)`` where a value is no whole number in 0...255.
    public func image(frame: Int) throws(NIfTIError) -> Image {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(width * height)
        for value in values(frame: frame) {
            guard let pixel = UInt8(exactly: value) else {
                throw .notGrey(name: name, value: value)
            }
            pixels.append(pixel)
        }
        return Image(width: width, height: height, channels: 1, pixels: pixels)
    }

    private func number(_ buffer: UnsafeRawBufferPointer, at offset: Int) -> Double {
        func load<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer {
            let value = buffer.loadUnaligned(fromByteOffset: offset, as: type)
            return header.isBigEndian ? Integer(bigEndian: value) : Integer(littleEndian: value)
        }
        return switch header.element {
        case .uint8: Double(load(UInt8.self))
        case .int8: Double(load(Int8.self))
        case .uint16: Double(load(UInt16.self))
        case .int16: Double(load(Int16.self))
        case .uint32: Double(load(UInt32.self))
        case .int32: Double(load(Int32.self))
        case .uint64: Double(load(UInt64.self))
        case .int64: Double(load(Int64.self))
        case .float32: Double(Float(bitPattern: load(UInt32.self)))
        case .float64: Double(bitPattern: load(UInt64.self))
        }
    }
}

/// The first 348 bytes of a NIfTI-1 file, checked.
struct NIfTIHeader {
    /// How one voxel is stored; the raw value is the header's `datatype`.
    enum Element: Int {
        case uint8 = 2
        case int16 = 4
        case int32 = 8
        case float32 = 16
        case float64 = 64
        case int8 = 256
        case uint16 = 512
        case uint32 = 768
        case int64 = 1024
        case uint64 = 1280

        var bytes: Int {
            switch self {
            case .uint8, .int8: 1
            case .int16, .uint16: 2
            case .int32, .uint32, .float32: 4
            case .float64, .int64, .uint64: 8
            }
        }
    }

    static let byteCount = 348

    let width: Int
    let height: Int
    /// Images: the product of all axes but the first two.
    let frames: Int
    let element: Element
    let isBigEndian: Bool
    /// Where the voxels begin.
    let offset: Int
    /// A stored number `v` means `slope * v + intercept`.
    let slope: Double
    let intercept: Double
    let spacing: PixelSpacing?

    /// Bytes of all voxels.
    var voxelBytes: Int { width * height * frames * element.bytes }

    /// - Parameters:
    ///   - bytes: at least the first 348 of the file.
    ///   - name: what to call it in an error.
    ///   - limits: how many voxels and bytes are accepted.
    /// - Throws: ``NIfTIError`` before memory is taken for what the header asks for.
    init(_ bytes: [UInt8], name: String, limits: ImageLimits) throws(NIfTIError) {
        guard bytes.count >= Self.byteCount else { throw .notNIfTI(name: name) }
        let fields = Fields(bytes: bytes)
        switch (fields.int32(0, bigEndian: false), fields.int32(0, bigEndian: true)) {
        case (348, _): isBigEndian = false
        case (_, 348): isBigEndian = true
        case (540, _), (_, 540): throw .unsupported(name: name, what: "a NIfTI-2 file")
        default: throw .notNIfTI(name: name)
        }
        let magic = Array(bytes[344..<348])
        guard magic != Array("ni1\0".utf8) else {
            throw .unsupported(name: name, what: "the header of a NIfTI file in two parts")
        }
        guard magic == Array("n+1\0".utf8) else { throw .notNIfTI(name: name) }

        let axes = fields.int16(40, isBigEndian)
        guard (2...7).contains(axes) else {
            throw .damaged(name: name, reason: "it says it has \(axes) axes")
        }
        let order = isBigEndian
        let lengths = (1...axes).map { fields.int16(40 + 2 * $0, order) }
        guard lengths.allSatisfy({ $0 > 0 }) else {
            throw .damaged(name: name, reason: "an axis has length \(lengths.min() ?? 0)")
        }
        width = lengths[0]
        height = lengths[1]
        let type = fields.int16(70, isBigEndian)
        guard let element = Element(rawValue: type) else {
            throw .unsupported(name: name, what: "of data type \(type)")
        }
        self.element = element
        frames = try Self.frames(lengths, element, name: name, limits: limits)
        offset = try Self.offset(fields.float32(108, isBigEndian), name: name)
        (slope, intercept) = Self.scaling(
            fields.float32(112, isBigEndian), fields.float32(116, isBigEndian))
        spacing = Self.spacing(
            x: fields.float32(80, isBigEndian), y: fields.float32(84, isBigEndian),
            unit: bytes[123] & 7)
    }

    private static func frames(
        _ lengths: [Int], _ element: Element, name: String, limits: ImageLimits
    ) throws(NIfTIError) -> Int {
        var voxels = 1
        for length in lengths {
            let (product, overflows) = voxels.multipliedReportingOverflow(by: length)
            guard !overflows, product <= limits.pixels else {
                throw .tooLarge(
                    name: name,
                    reason: "it says it has \(lengths) voxels; at most \(limits.pixels) are read")
            }
            voxels = product
        }
        guard voxels * element.bytes <= limits.bytes else {
            throw .tooLarge(
                name: name,
                reason: "its voxels have \(voxels * element.bytes) bytes; at most \(limits.bytes)"
                    + " are read")
        }
        return voxels / (lengths[0] * lengths[1])
    }

    private static func offset(_ stored: Double, name: String) throws(NIfTIError) -> Int {
        // Writers that leave it 0 mean the place right after the header and its 4 extension bytes.
        if stored == 0 { return 352 }
        guard stored >= 352, stored <= 1_048_576, stored == stored.rounded() else {
            throw .damaged(name: name, reason: "its voxels begin at byte \(stored)")
        }
        return Int(stored)
    }

    /// A slope of 0, or one that is no number, means that nothing is scaled.
    private static func scaling(_ slope: Double, _ intercept: Double) -> (Double, Double) {
        slope != 0 && slope.isFinite ? (slope, intercept.isFinite ? intercept : 0) : (1, 0)
    }

    /// Unit 1 is the metre, 3 the micrometre; 2 and no unit at all are mm.
    private static func spacing(x: Double, y: Double, unit: UInt8) -> PixelSpacing? {
        let millimetres: Double =
            switch unit {
            case 1: 1000
            case 3: 0.001
            default: 1
            }
        let (width, height) = (abs(x) * millimetres, abs(y) * millimetres)
        guard width > 0, height > 0, width.isFinite, height.isFinite else { return nil }
        return PixelSpacing(x: width, y: height)
    }

    /// Numbers at places in the header.
    private struct Fields {
        let bytes: [UInt8]

        func int32(_ offset: Int, bigEndian: Bool) -> Int {
            Int(Int32(truncatingIfNeeded: unsigned(offset, 4, bigEndian)))
        }

        func int16(_ offset: Int, _ bigEndian: Bool) -> Int {
            Int(Int16(truncatingIfNeeded: unsigned(offset, 2, bigEndian)))
        }

        /// Rounded to 7 digits, as it was meant: 0.4 is not 0.4000000059604645.
        func float32(_ offset: Int, _ bigEndian: Bool) -> Double {
            let value = Float(bitPattern: UInt32(unsigned(offset, 4, bigEndian)))
            return Double("\(value)") ?? Double(value)
        }

        private func unsigned(_ offset: Int, _ count: Int, _ bigEndian: Bool) -> UInt64 {
            let places = bigEndian ? Array(0..<count) : Array((0..<count).reversed())
            return places.reduce(0) { $0 << 8 | UInt64(bytes[offset + $1]) }
        }
    }
}

/// Why a NIfTI file cannot be read; `name` is the path, or what the caller called the bytes.
public enum NIfTIError: Error, Equatable, Sendable {
    case cannotRead(name: String, reason: String)
    case notNIfTI(name: String)
    case unsupported(name: String, what: String)
    case tooLarge(name: String, reason: String)
    case damaged(name: String, reason: String)
    case notGrey(name: String, value: Double)
}

extension NIfTIError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .cannotRead(let name, let reason):
            "'\(name)' cannot be read: \(reason)"
        case .notNIfTI(let name):
            "'\(name)' is no NIfTI-1 file (.nii or .nii.gz)"
        case .unsupported(let name, let what):
            "'\(name)' is \(what); NIfTI-1 in one file, of one number a voxel, is needed"
        case .tooLarge(let name, let reason):
            "'\(name)' is too large: \(reason)"
        case .damaged(let name, let reason):
            "'\(name)' is damaged: \(reason)"
        case .notGrey(let name, let value):
            "'\(name)' holds the value \(value); whole numbers from 0 to 255 are needed"
        }
    }
}

/// A gzip file unpacked piece by piece: no more than is asked for, however much is packed in it.
final class Gunzip {
    static let magic: [UInt8] = [0x1F, 0x8B]
    /// Deflate cannot shrink data more than this.
    static let largestRatio = 1032

    private let source: UnsafeMutableBufferPointer<UInt8>
    private let name: String
    private var stream = z_stream()
    private var isDone = false

    /// - Parameters:
    ///   - bytes: the whole packed file.
    ///   - name: what to call it in an error.
    /// - Throws: ``NIfTIError/damaged(name:reason:)`` when memory is short.
    init(_ bytes: [UInt8], name: String) throws(NIfTIError) {
        source = .allocate(capacity: bytes.count)
        _ = source.initialize(from: bytes)
        self.name = name
        // 15 bits of window, and 16 for gzip's header and checksum.
        let status = inflateInit2_(
            &stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK, let count = UInt32(exactly: bytes.count) else {
            throw .damaged(name: name, reason: "it cannot be unpacked")
        }
        stream.next_in = source.baseAddress
        stream.avail_in = count
    }

    deinit {
        inflateEnd(&stream)
        source.deallocate()
    }

    /// Unpacks the next bytes.
    ///
    /// - Parameter count: how many, below 4 GB.
    /// - Returns: fewer only at the end of the file, whose checksums are then found right.
    /// - Throws: ``NIfTIError/damaged(name:reason:)`` with zlib's words.
    func read(_ count: Int) throws(NIfTIError) -> [UInt8] {
        guard let wanted = UInt32(exactly: count) else {
            throw .tooLarge(name: name, reason: "\(count) bytes are not unpacked at once")
        }
        var reason: String?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            stream.next_out = buffer.baseAddress
            stream.avail_out = wanted
            while stream.avail_out > 0 && !isDone && reason == nil {
                reason = step()
            }
            filled = count - Int(stream.avail_out)
        }
        if let reason { throw .damaged(name: name, reason: reason) }
        return bytes
    }

    /// - Returns: what is wrong, or nil.
    private func step() -> String? {
        switch inflate(&stream, Z_NO_FLUSH) {
        case Z_OK: return nil
        case Z_STREAM_END:
            // A gzip file may hold several packed pieces, one after the other.
            if stream.avail_in > 0 {
                return inflateReset(&stream) == Z_OK ? nil : "it cannot be unpacked"
            }
            isDone = true
            return nil
        case Z_BUF_ERROR: return "it ends too early"
        default:
            return stream.msg.map { String(cString: $0) } ?? "it cannot be unpacked"
        }
    }
}
