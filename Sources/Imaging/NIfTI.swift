import FileIO

/// An image or an image sequence from a NIfTI-1 file.
///
/// The first axis is x and the second y, as in echocardiography; the product of all other axes is
/// the number of frames. The header's orientation, which relates a volume to the body, changes no
/// pixel; ``hasSameAxes(as:)`` compares it.
public struct NIfTIVolume: Sendable {
    /// Columns of each image.
    public let width: Int
    /// Rows of each image.
    public let height: Int
    /// Number of images, at least 1.
    public let frames: Int
    /// Size of a pixel, if the file states it.
    public let spacing: PixelSpacing?

    private let header: NIfTIHeader
    private let voxels: [UInt8]
    private let name: String

    /// The size of the voxels in memory, in bytes.
    public var byteCount: Int { voxels.count }

    /// Reads a `.nii` or `.nii.gz` file.
    ///
    /// - Parameters:
    ///   - path: the file; links are followed, folders, devices and pipes refused.
    ///   - limits: the largest accepted number of voxels, and of bytes before and after
    ///     decompression.
    /// - Returns: the volume.
    /// - Throws: ``NIfTIError``, also for a truncated or damaged file.
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
    ///   - bytes: the whole file, compressed by gzip or not.
    ///   - name: the file's name in errors.
    ///   - limits: the largest accepted number of voxels, and of bytes before and after
    ///     decompression.
    /// - Returns: the volume.
    /// - Throws: ``NIfTIError``, also for a truncated or damaged file.
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
            throw .damaged(name: name, reason: "it states more voxels than it can contain")
        }
        _ = try stream.read(header.offset - NIfTIHeader.byteCount)
        let voxels = try stream.read(header.voxelBytes)
        guard voxels.count == header.voxelBytes else {
            throw .damaged(name: name, reason: "it ends before its last voxel")
        }
        // Read to the end, where the checksum is. Large data after the voxels may be a zip bomb.
        guard try stream.read(1 << 20).count < 1 << 20 else {
            throw .damaged(name: name, reason: "it has too much data after its last voxel")
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

    /// Whether x and y point in the same directions as another volume's.
    ///
    /// - Parameter other: for instance the label of this volume.
    /// - Returns: false where sform or qform of both state directions that differ by more than 30°.
    public func hasSameAxes(as other: NIfTIVolume) -> Bool {
        guard let own = header.axes, let others = other.header.axes else { return true }
        return zip(own, others).allSatisfy { one, other in
            zip(one, other).reduce(0) { $0 + $1.0 * $1.1 } > 0.866
        }
    }

    /// From voxel indices (i, j, k, 1) to mm in RAS, as the header states it: three rows of four
    /// numbers.
    public var affine: [[Double]] { header.affine }

    /// Lengths of all axes, at least columns and rows.
    public var axisLengths: [Int] { header.lengths }

    /// Steps along the axes after the third, for example the seconds between frames; 1 where the file
    /// states none.
    public var laterSteps: [Double] { header.laterSteps }

    /// The values of one image, with the header's scaling applied.
    ///
    /// - Parameter frame: the image's index, from 0.
    /// - Returns: `width * height` values, row by row.
    public func values(frame: Int) -> [Double] {
        precondition((0..<frames).contains(frame), "the frame must exist")
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

    /// One image as an 8-bit grey image, without any change of its values.
    ///
    /// - Parameter frame: the image's index, from 0.
    /// - Returns: an image of one channel.
    /// - Throws: ``NIfTIError/notGrey(name:value:)`` if a value is not an integer from 0 to 255.
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

/// Why a NIfTI file cannot be read; `name` is the path, or the name that the caller gave to the bytes.
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
            "'\(name)' is not a NIfTI-1 file (.nii or .nii.gz)"
        case .unsupported(let name, let what):
            "'\(name)' is \(what); a single NIfTI-1 file with one number per voxel is needed"
        case .tooLarge(let name, let reason):
            "'\(name)' is too large: \(reason)"
        case .damaged(let name, let reason):
            "'\(name)' is damaged: \(reason)"
        case .notGrey(let name, let value):
            "'\(name)' contains the value \(value); integers from 0 to 255 are needed"
        }
    }
}

/// How the values of a volume become grey levels, the same for all its frames.
public struct NIfTIGreyScale: Equatable, Sendable {
    /// The value that becomes 0.
    public let darkest: Double
    /// The value that becomes 255.
    public let brightest: Double
    /// Whether values are rounded, but not scaled.
    public let isStored: Bool
}

extension NIfTIGreyScale: CustomStringConvertible {
    /// The scaling in words.
    public var description: String {
        "values from \(darkest) to \(brightest) are shown as grey levels from 0 to 255"
    }
}

extension NIfTIVolume {
    /// The scale for grey levels of all frames.
    ///
    /// Values from 0 to 255 stay as they are, and others are scaled from the smallest to the largest
    /// value of all frames. Values that are not finite become 0.
    ///
    /// - Returns: the scale.
    public func greyScale() -> NIfTIGreyScale {
        var (smallest, largest) = (Double.infinity, -Double.infinity)
        for frame in 0..<frames {
            for value in values(frame: frame) where value.isFinite {
                smallest = min(smallest, value)
                largest = max(largest, value)
            }
        }
        // A volume from 0 to 1 is not a dark image of two grey levels.
        if smallest >= 0, largest <= 255.5, largest > 1 || smallest == largest {
            return NIfTIGreyScale(darkest: 0, brightest: 255, isStored: true)
        }
        return NIfTIGreyScale(
            darkest: smallest.isFinite ? smallest : 0, brightest: largest.isFinite ? largest : 0,
            isStored: false)
    }

    /// One image in 8 bits.
    ///
    /// - Parameters:
    ///   - frame: the image's index, from 0.
    ///   - scale: of this volume, from ``greyScale()``.
    /// - Returns: an image of one channel.
    public func image(frame: Int, scale: NIfTIGreyScale) -> Image {
        // Halves, because the difference of two large numbers may be infinite.
        let darkest = scale.darkest / 2
        let range = max(scale.brightest / 2 - darkest, .leastNormalMagnitude)
        let pixels = values(frame: frame).map { value -> UInt8 in
            guard value.isFinite else { return 0 }
            let level = scale.isStored ? value : (value / 2 - darkest) / range * 255
            return UInt8(max(0, min(255, level.rounded())))
        }
        return Image(width: width, height: height, channels: 1, pixels: pixels)
    }
}
