/// Numbers over a picture's grid, channel first: `[C, H, W]`.
public struct Planes: Equatable, Sendable {
    /// Number of planes, at least 1.
    public let channels: Int
    /// Rows, at least 1.
    public let height: Int
    /// Columns, at least 1.
    public let width: Int
    /// `values[(c * height + y) * width + x]`.
    public var values: [Float] {
        didSet { precondition(values.count == channels * height * width, "values keep count") }
    }

    /// - Parameters:
    ///   - channels: number of planes, at least 1.
    ///   - height: rows, at least 1.
    ///   - width: columns, at least 1.
    ///   - values: `channels * height * width` numbers, plane after plane, row-major.
    public init(channels: Int, height: Int, width: Int, values: [Float]) {
        precondition(channels > 0 && height > 0 && width > 0, "planes have pixels")
        precondition(values.count == channels * height * width, "as many values as the shape says")
        self.channels = channels
        self.height = height
        self.width = width
        self.values = values
    }

    /// Rows and columns.
    public var size: Size { Size(height: height, width: width) }

    /// Maps the smallest value to 0 and the largest to 1, over all channels together.
    ///
    /// `(x - min) / max(max - min, 1e-8)`, in this order, as LiteMedSAM prepares its input; planes
    /// of one value become 0.
    ///
    /// - Returns: planes of the same shape.
    public func minMaxNormalized() -> Planes {
        var smallest = values[0]
        var largest = values[0]
        for value in values {
            smallest = Swift.min(smallest, value)
            largest = Swift.max(largest, value)
        }
        let range = Swift.max(largest - smallest, 1e-8)
        return Planes(
            channels: channels, height: height, width: width,
            values: values.map { ($0 - smallest) / range })
    }
}

extension Image {
    /// The samples as numbers 0 to 255, channel first.
    ///
    /// - Returns: as many planes as the picture has channels.
    public func planes() -> Planes {
        let count = width * height
        let values = [Float](unsafeUninitializedCapacity: count * channels) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for channel in 0..<channels {
                    for i in 0..<count {
                        target[channel * count + i] = Float(source[i * channels + channel])
                    }
                }
            }
            initialized = count * channels
        }
        return Planes(channels: channels, height: height, width: width, values: values)
    }
}
