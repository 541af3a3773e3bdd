import FileIO

/// An image, an image sequence or a label from an NRRD file, as 3D Slicer and ITK write it.
///
/// The first axis is x and the second y; the product of all others is the number of frames. Read are
/// attached data without compression or with gzip, of one number for each voxel.
public struct NRRDVolume: Sendable {
    /// Columns of each image.
    public let width: Int
    /// Rows of each image.
    public let height: Int
    /// Number of images, at least 1.
    public let frames: Int
    /// Size of a pixel in mm, if the file states it.
    public let spacing: PixelSpacing?
    /// The classes of a segmentation of 3D Slicer (`.seg.nrrd`).
    public let segments: [FrameVolume.Segment]

    private let element: Element
    private let isBigEndian: Bool
    private let voxels: [UInt8]

    private enum Element {
        case int8, uint8, int16, uint16, int32, uint32, float, double

        init?(_ name: String) {
            switch name {
            case "signed char", "int8", "int8_t": self = .int8
            case "uchar", "unsigned char", "uint8", "uint8_t": self = .uint8
            case "short", "short int", "signed short", "signed short int", "int16", "int16_t":
                self = .int16
            case "ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t":
                self = .uint16
            case "int", "signed int", "int32", "int32_t": self = .int32
            case "uint", "unsigned int", "uint32", "uint32_t": self = .uint32
            case "float": self = .float
            case "double": self = .double
            default: return nil
            }
        }

        var bytes: Int {
            switch self {
            case .int8, .uint8: 1
            case .int16, .uint16: 2
            case .int32, .uint32, .float: 4
            case .double: 8
            }
        }
    }

    private static let longestHeader = 1 << 20

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: the file; links are followed, folders, devices and pipes refused.
    ///   - limits: the largest accepted number of voxels, and of bytes before and after
    ///     decompression.
    /// - Returns: the volume.
    /// - Throws: ``NRRDError``, also for a truncated or damaged file.
    public static func read(
        _ path: String, limits: ImageLimits = .standard
    ) throws(NRRDError) -> NRRDVolume {
        let bytes: [UInt8]
        do throws(FileReadError) {
            bytes = try RegularFile.read(path, limit: limits.bytes)
        } catch {
            throw .cannotRead(name: path, reason: error.reason)
        }
        return try NRRDVolume(bytes, name: path, limits)
    }

    /// Decodes a file held in memory.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - name: the file's name in errors.
    ///   - limits: as for ``read(_:limits:)``.
    /// - Throws: ``NRRDError``.
    public init(
        _ bytes: [UInt8], name: String, _ limits: ImageLimits = .standard
    ) throws(NRRDError) {
        guard bytes.starts(with: Array("NRRD000".utf8)) else { throw .notNRRD(name: name) }
        guard let end = Self.endOfHeader(bytes) else {
            throw .damaged(name: name, reason: "it has no empty line after its header")
        }
        let header = String(decoding: bytes[..<end.header], as: UTF8.self)
        var fields: [String: String] = [:]
        var keys: [String: String] = [:]
        for line in header.split(whereSeparator: \.isNewline).dropFirst() {
            if line.hasPrefix("#") { continue }
            if let place = line.firstRange(of: ":=") {
                keys[String(line[..<place.lowerBound])] = String(line[place.upperBound...])
            } else if let place = line.firstIndex(of: ":") {
                fields[line[..<place].lowercased()] =
                    String(line[line.index(after: place)...].drop { $0 == " " })
            }
        }
        guard fields["data file"] == nil, fields["datafile"] == nil else {
            throw .unsupported(name: name, what: "a header with its data in another file")
        }
        guard let type = fields["type"]?.lowercased(), let element = Element(type) else {
            throw .unsupported(name: name, what: "of type '\(fields["type"] ?? "none")'")
        }
        let sizes = (fields["sizes"] ?? "").split(separator: " ").map { Int($0) ?? 0 }
        guard (2...5).contains(sizes.count), sizes.allSatisfy({ $0 > 0 }),
            fields["dimension"].flatMap({ Int($0) }) ?? sizes.count == sizes.count
        else { throw .damaged(name: name, reason: "2 to 5 positive sizes are needed") }
        let kinds = (fields["kinds"] ?? "").lowercased().split(separator: " ")
        let spatial: Set<Substring> = ["domain", "space", "time", "???", "none"]
        guard kinds.allSatisfy(spatial.contains) else {
            throw .unsupported(name: name, what: "with several numbers for each voxel")
        }
        var voxelCount = 1
        for size in sizes {
            let (product, overflows) = voxelCount.multipliedReportingOverflow(by: size)
            guard !overflows, product <= limits.pixels else {
                throw .tooLarge(
                    name: name,
                    reason: "it states \(sizes) voxels; at most \(limits.pixels) are read")
            }
            voxelCount = product
        }
        let byteCount = voxelCount * element.bytes
        guard byteCount <= limits.bytes else {
            throw .tooLarge(
                name: name,
                reason: "its voxels have \(byteCount) bytes; at most \(limits.bytes) are read")
        }
        width = sizes[0]
        height = sizes[1]
        frames = voxelCount / (sizes[0] * sizes[1])
        self.element = element
        isBigEndian = fields["endian"]?.lowercased() == "big"
        spacing = Self.spacing(fields)
        segments = Self.segments(keys)
        voxels = try Self.voxels(
            Array(bytes[end.data...]), encoding: fields["encoding"]?.lowercased() ?? "",
            count: byteCount, name: name)
    }

    /// The end of the header's text, and the start of the data after an empty line.
    private static func endOfHeader(_ bytes: [UInt8]) -> (header: Int, data: Int)? {
        var index = 0
        while index < min(bytes.count, longestHeader) {
            if bytes[index] == 10 {
                if index + 1 < bytes.count, bytes[index + 1] == 10 { return (index, index + 2) }
                if index + 2 < bytes.count, bytes[index + 1] == 13, bytes[index + 2] == 10 {
                    return (index, index + 3)
                }
            }
            index += 1
        }
        return nil
    }

    private static func voxels(
        _ data: [UInt8], encoding: String, count: Int, name: String
    ) throws(NRRDError) -> [UInt8] {
        switch encoding {
        case "raw":
            guard data.count >= count else {
                throw .damaged(name: name, reason: "it ends before its last voxel")
            }
            return data.count == count ? data : Array(data[..<count])
        case "gzip", "gz":
            guard count <= data.count * Gunzip.largestRatio else {
                throw .damaged(name: name, reason: "it states more voxels than it can contain")
            }
            let voxels: [UInt8]
            let rest: [UInt8]
            do throws(NIfTIError) {
                let stream = try Gunzip(data, name: name)
                voxels = try stream.read(count)
                rest = try stream.read(1)
            } catch {
                throw .damaged(name: name, reason: "its compressed voxels cannot be read")
            }
            guard voxels.count == count else {
                throw .damaged(name: name, reason: "it ends before its last voxel")
            }
            guard rest.isEmpty else {
                throw .damaged(name: name, reason: "it has data after its last voxel")
            }
            return voxels
        default:
            throw .unsupported(name: name, what: "with the encoding '\(encoding)'")
        }
    }

    private static func spacing(_ fields: [String: String]) -> PixelSpacing? {
        var lengths: [Double] = []
        if let directions = fields["space directions"] {
            for vector in directions.split(separator: "(").prefix(2) {
                let numbers = vector.prefix { $0 != ")" }.split(separator: ",").compactMap {
                    Double($0.filter { $0 != " " })
                }
                lengths.append(numbers.reduce(0) { $0 + $1 * $1 }.squareRoot())
            }
        } else if let spacings = fields["spacings"] {
            lengths = spacings.split(separator: " ").prefix(2).compactMap { Double($0) }
        }
        guard lengths.count == 2, lengths.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
        return PixelSpacing(x: lengths[0], y: lengths[1])
    }

    private static func segments(_ keys: [String: String]) -> [FrameVolume.Segment] {
        (0..<256).compactMap { index in
            guard let name = keys["Segment\(index)_Name"],
                let value = keys["Segment\(index)_LabelValue"].flatMap({ Int($0) })
            else { return nil }
            return .init(value: value, name: name)
        }
    }

    /// The values of one image.
    ///
    /// - Parameter frame: the image's index, from 0.
    /// - Returns: `width * height` values, row by row.
    public func values(frame: Int) -> [Double] {
        precondition((0..<frames).contains(frame), "the frame must exist")
        let first = frame * width * height
        return voxels.withUnsafeBytes { buffer in
            (first..<first + width * height).map { number(buffer, at: $0 * element.bytes) }
        }
    }

    private func number(_ buffer: UnsafeRawBufferPointer, at offset: Int) -> Double {
        func load<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer {
            let value = buffer.loadUnaligned(fromByteOffset: offset, as: type)
            return isBigEndian ? Integer(bigEndian: value) : Integer(littleEndian: value)
        }
        return switch element {
        case .int8: Double(load(Int8.self))
        case .uint8: Double(load(UInt8.self))
        case .int16: Double(load(Int16.self))
        case .uint16: Double(load(UInt16.self))
        case .int32: Double(load(Int32.self))
        case .uint32: Double(load(UInt32.self))
        case .float: Double(Float(bitPattern: load(UInt32.self)))
        case .double: Double(bitPattern: load(UInt64.self))
        }
    }
}

/// Why an NRRD file cannot be read; `name` is the path, or the name that the caller gave to the bytes.
public enum NRRDError: Error, Equatable, Sendable {
    case cannotRead(name: String, reason: String)
    case notNRRD(name: String)
    case unsupported(name: String, what: String)
    case damaged(name: String, reason: String)
    case tooLarge(name: String, reason: String)
}

extension NRRDError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .cannotRead(let name, let reason): "'\(name)' cannot be read: \(reason)"
        case .notNRRD(let name): "'\(name)' is not an NRRD file"
        case .unsupported(let name, let what):
            "'\(name)' is an NRRD file \(what), which is not supported"
        case .damaged(let name, let reason): "'\(name)' is a damaged NRRD file: \(reason)"
        case .tooLarge(let name, let reason): "'\(name)' is too large: \(reason)"
        }
    }
}
