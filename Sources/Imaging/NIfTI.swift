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
