/// The values of a mask or label file as stored: class numbers, or the grey values of one object.
///
/// This is the only reader of masks and labels; ``mask(fullValue:)`` and ``classes(count:)`` are its
/// two rules.
public struct LabelValues: Equatable, Sendable {
    /// Columns, at least 1.
    public let width: Int
    /// Rows, at least 1.
    public let height: Int
    /// `values[y * width + x]`: all 16 bits of a grey file, the index of a palette file, the largest
    /// channel of a coloured one.
    public let values: [UInt16]
    /// Whether the file is a JPEG, which changes values.
    public let isLossy: Bool
    /// Number of colours that are not grey, at most 256; 0 for palette files.
    public let colours: Int
    /// The values that occur, without 0, ascending.
    public let levels: [Int]

    /// The largest value that is taken for a class number where nothing else is known.
    public static let largestClassNumber = 31

    /// - Parameters:
    ///   - width: columns, at least 1.
    ///   - height: rows, at least 1.
    ///   - values: `width * height` values, row-major.
    public init(width: Int, height: Int, values: [UInt16]) {
        self.init(width: width, height: height, values: values, colours: 0, isLossy: false)
    }

    private init(width: Int, height: Int, values: [UInt16], colours: Int, isLossy: Bool) {
        precondition(width > 0 && height > 0, "a label must have pixels")
        precondition(values.count == width * height, "the number of values must fit the size")
        self.width = width
        self.height = height
        self.values = values
        self.colours = colours
        self.isLossy = isLossy
        var occurs = [Bool](repeating: false, count: 1 << 16)
        values.withUnsafeBufferPointer { values in
            occurs.withUnsafeMutableBufferPointer { occurs in
                for value in values { occurs[Int(value)] = true }
            }
        }
        levels = occurs.indices.dropFirst().filter { occurs[$0] }
    }

    /// - Parameters:
    ///   - width: columns.
    ///   - height: rows.
    ///   - channels: 1 or 3.
    ///   - bytesEach: bytes of a sample, 1 or 2 (big endian).
    ///   - samples: `width * height * channels * bytesEach` bytes.
    ///   - isLossy: whether the file is a JPEG.
    init(
        width: Int, height: Int, channels: Int, bytesEach: Int, samples: [UInt8],
        isLossy: Bool = false
    ) {
        let count = width * height
        var colours: Set<UInt64> = []
        let values = [UInt16](unsafeUninitializedCapacity: count) { target, initialized in
            samples.withUnsafeBufferPointer { samples in
                func sample(_ index: Int) -> UInt16 {
                    bytesEach == 1
                        ? UInt16(samples[index])
                        : UInt16(samples[2 * index]) << 8 | UInt16(samples[2 * index + 1])
                }
                for i in 0..<count {
                    guard channels == 3 else {
                        target[i] = sample(i)
                        continue
                    }
                    let (red, green, blue) = (sample(3 * i), sample(3 * i + 1), sample(3 * i + 2))
                    target[i] = max(red, green, blue)
                    if (red != green || green != blue) && colours.count < 256 {
                        colours.insert(UInt64(red) << 32 | UInt64(green) << 16 | UInt64(blue))
                    }
                }
            }
            initialized = count
        }
        self.init(
            width: width, height: height, values: values, colours: colours.count, isLossy: isLossy)
    }

    /// Rows and columns.
    public var size: Size { Size(height: height, width: width) }
}

extension LabelValues {
    /// Reads a mask or label from a PNG or JPEG file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limits: the largest accepted image.
    /// - Returns: its values as stored; alpha is ignored, and 1, 2 and 4 bits of a grey file are
    ///   scaled to 0...255.
    /// - Throws: ``ImageError``, as ``Image/read(_:limits:)`` does.
    public static func read(
        _ path: String, limits: ImageLimits = .standard
    ) throws(ImageError) -> LabelValues {
        try decode(ImageError.bytes(of: path, limits), name: path, limits: limits)
    }

    /// Decodes a mask or label from an image file held in memory.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - name: the file's name in errors.
    ///   - limits: the largest accepted image.
    /// - Returns: its values as stored.
    /// - Throws: ``ImageError``, as ``Image/decode(_:name:limits:)`` does.
    public static func decode(
        _ bytes: [UInt8], name: String, limits: ImageLimits = .standard
    ) throws(ImageError) -> LabelValues {
        switch try ImageFormat.detect(bytes, name: name, limits: limits) {
        case .png:
            return try PNGReader(bytes, name: name, limits: limits).labelValues()
        case .jpeg:
            let image = try JPEGReader(bytes, name: name, limits: limits).image()
            return LabelValues(
                width: image.width, height: image.height, channels: image.channels, bytesEach: 1,
                samples: image.pixels, isLossy: true)
        case .other(let format):
            throw .unsupportedFormat(name: name, format: format)
        }
    }

    /// The mask of one object.
    ///
    /// Where 0 and one other value occur, or class numbers up to 31, every value except 0 is
    /// foreground. Other values between 0 and the full value are smooth edges or probabilities: the
    /// upper half is foreground. Of a JPEG, which blurs a mask, always the upper half.
    ///
    /// - Parameter fullValue: the value of a pixel that is wholly inside; nil for 255, or 65535 where
    ///   the values need 16 bits.
    /// - Returns: the mask, and a note for the user where values lie in between.
    public func mask(fullValue: Int? = nil) -> (mask: Mask, note: String?) {
        let largest = levels.last ?? 0
        let full = fullValue ?? (largest > 255 ? 65535 : 255)
        let isNumbered = fullValue == nil && largest <= Self.largestClassNumber
        let half = !isLossy && (levels.count <= 1 || isNumbered) ? 0 : UInt16(clamping: full / 2)
        let mask = Mask(
            width: width, height: height,
            values: [UInt8](unsafeUninitializedCapacity: values.count) { target, initialized in
                values.withUnsafeBufferPointer { source in
                    for i in 0..<source.count { target[i] = source[i] > half ? 1 : 0 }
                }
                initialized = values.count
            })
        guard levels.count > 1, !isLossy else { return (mask, nil) }
        guard !isNumbered else {
            return (mask, "it has the values 1 to \(largest); all except 0 count as one class")
        }
        return (
            mask,
            largest > Int(half)
                ? "it has \(levels.count) grey values; those above \(half) are inside"
                : "its largest value is \(largest), and only values above \(half) are inside: its"
                    + " mask is empty"
        )
    }

    /// The class of each pixel, where values are class numbers.
    ///
    /// - Parameter count: number of classes, background included, 2 to 256; larger numbers stay.
    /// - Returns: an image of one channel.
    /// - Throws: ``LabelValuesError`` for a JPEG, for colours, and for numbers above 255.
    public func classes(count: Int) throws(LabelValuesError) -> Image {
        guard !isLossy else { throw .lossy(classes: count) }
        guard colours == 0 else { throw .coloured(classes: count) }
        if let largest = levels.last, largest > 255 {
            throw .unknownClass(largest, classes: count)
        }
        return Image(
            width: width, height: height, channels: 1,
            pixels: values.map { UInt8(truncatingIfNeeded: $0) })
    }

    /// The values that look like classes: the largest, and those that fill 3x3 pixels somewhere.
    ///
    /// The values of smooth edges lie along an outline and fill no such square.
    public var flatLevels: [Int] {
        guard let largest = levels.last else { return [] }
        var isFlat = [Bool](repeating: false, count: largest + 1)
        isFlat[largest] = true
        values.withUnsafeBufferPointer { values in
            for y in 1..<max(height - 1, 1) {
                for x in 1..<max(width - 1, 1) {
                    let place = y * width + x
                    let value = values[place]
                    guard value != 0, !isFlat[Int(value)] else { continue }
                    isFlat[Int(value)] = [-1, 0, 1].allSatisfy { row in
                        [-1, 0, 1].allSatisfy { values[place + row * width + $0] == value }
                    }
                }
            }
        }
        return levels.filter { isFlat[$0] }
    }
}

extension Mask {
    /// Reads the mask of one object from an image file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limits: the largest accepted image.
    /// - Returns: a mask of the image's size, by the rule of ``LabelValues/mask(fullValue:)``.
    /// - Throws: ``ImageError``, as ``Image/read(_:limits:)`` does.
    public static func read(
        _ path: String, limits: ImageLimits = .standard
    ) throws(ImageError) -> Mask {
        try LabelValues.read(path, limits: limits).mask().mask
    }

    /// Decodes the mask of one object from an image file held in memory.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - name: the file's name in errors.
    ///   - limits: the largest accepted image.
    /// - Returns: a mask of the image's size, by the rule of ``LabelValues/mask(fullValue:)``.
    /// - Throws: ``ImageError``, as ``Image/decode(_:name:limits:)`` does.
    public static func decode(
        _ bytes: [UInt8], name: String, limits: ImageLimits = .standard
    ) throws(ImageError) -> Mask {
        try LabelValues.decode(bytes, name: name, limits: limits).mask().mask
    }
}

/// Why the values of a label are no class numbers.
public enum LabelValuesError: Error, Equatable, Sendable {
    /// A JPEG.
    case lossy(classes: Int)
    /// An RGB file with colours.
    case coloured(classes: Int)
    /// A number above 255.
    case unknownClass(Int, classes: Int)
}

extension LabelValuesError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .lossy(let classes):
            "JPEG changes the numbers of \(classes) classes; a PNG is needed"
        case .coloured(let classes):
            "it is coloured; a grey or palette image whose values are the numbers of the \(classes)"
                + " classes is needed"
        case .unknownClass(let value, let classes):
            "it has the value \(value); its dataset has the classes 0 to \(classes - 1)"
        }
    }
}
