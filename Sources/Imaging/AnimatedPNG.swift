import CZlib

/// An animated PNG (APNG), written frame by frame.
///
/// Frames are compressed one by one and in any order; the parts of the file are then written in
/// order: ``start(comment:)``, ``part(of:seconds:)`` of every frame, ``end``. Programs that know only PNG show the
/// first frame. Format: https://www.w3.org/TR/png-3/#apng-frame-based-animation
public struct AnimatedPNG: Sendable {
    /// How pixels are stored.
    public enum Colours: Sendable {
        /// Red, green and blue.
        case rgb
        /// 128 grey levels and 125 colours, for drawings on grey images: a third of the size.
        case palette
    }

    /// Rows and columns of every frame.
    public let size: Size
    private let frames: Int
    private let colours: Colours
    private var sequence: UInt32 = 0

    /// - Parameters:
    ///   - size: of every frame.
    ///   - frames: number of frames, at least 1.
    ///   - colours: how pixels are stored.
    public init(size: Size, frames: Int, colours: Colours) {
        precondition(frames > 0, "an animation must have frames")
        self.size = size
        self.frames = frames
        self.colours = colours
    }

    /// Compresses the pixels of one frame.
    ///
    /// - Parameter image: of the animation's size.
    /// - Returns: the compressed pixels, for ``part(of:seconds:)``.
    /// - Throws: ``ImageError/cannotWrite(name:reason:)`` if there is not enough memory.
    public func compressed(_ image: Image) throws(ImageError) -> [UInt8] {
        precondition(image.size == size, "a frame must have the animation's size")
        let stored =
            switch colours {
            case .rgb: image.rgb()
            case .palette: Self.indexed(image)
            }
        let file = try stored.encodedPNG()
        var data: [UInt8] = []
        data.reserveCapacity(file.count)
        // Signature, then chunks: length, type, content, checksum.
        var place = 8
        while place + 12 <= file.count {
            let length = file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            if file[place + 4..<place + 8].elementsEqual("IDAT".utf8) {
                data.append(contentsOf: file[place + 8..<place + 8 + length])
            }
            place += 12 + length
        }
        return data
    }

    /// The start of the file.
    ///
    /// - Parameter comment: a comment in the file; characters outside ASCII become `?`.
    /// - Returns: the bytes.
    public func start(comment: String) -> [UInt8] {
        let type: UInt8 =
            switch colours {
            case .rgb: 2
            case .palette: 3
            }
        var bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        let kind: [UInt8] = [8, type, 0, 0, 0]
        bytes += chunk("IHDR", number(size.width) + number(size.height) + kind)
        if case .palette = colours { bytes += chunk("PLTE", Self.palette) }
        // Plays for ever.
        bytes += chunk("acTL", number(frames) + number(0))
        var text = Array("Comment".utf8) + [0]
        for scalar in comment.unicodeScalars {
            text.append(scalar.isASCII ? UInt8(scalar.value) : UInt8(ascii: "?"))
        }
        return bytes + chunk("tEXt", text)
    }

    /// The part of the file with the next frame.
    ///
    /// - Parameters:
    ///   - pixels: of ``compressed(_:)``.
    ///   - seconds: how long the frame is shown.
    /// - Returns: the bytes.
    public mutating func part(of pixels: [UInt8], seconds: Double) -> [UInt8] {
        let isFirst = sequence == 0
        let milliseconds = UInt16(min(max((seconds * 1000).rounded(), 1), 60_000))
        var control = nextNumber()
        for value in [size.width, size.height, 0, 0] { control += number(value) }
        for value in [milliseconds, 1000] { control += [UInt8(value >> 8), UInt8(value & 0xFF)] }
        // Whole frames without blending.
        control += [0, 0]
        let start = chunk("fcTL", control)
        return start + (isFirst ? chunk("IDAT", pixels) : chunk("fdAT", nextNumber() + pixels))
    }

    /// The end of the file.
    public var end: [UInt8] { chunk("IEND", []) }

    private mutating func nextNumber() -> [UInt8] {
        defer { sequence += 1 }
        return number(Int(sequence))
    }

    private func number(_ value: Int) -> [UInt8] {
        let value = UInt32(value)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + content
        let checksum = body.withUnsafeBufferPointer { body in
            crc32(0, body.baseAddress, uInt(body.count))
        }
        return number(content.count) + body + number(Int(checksum))
    }

    /// 128 greys, then red, green and blue with five levels each.
    private static let palette: [UInt8] = {
        var bytes: [UInt8] = []
        for grey in 0..<128 {
            let level = UInt8(2 * grey + grey / 64)
            bytes += [level, level, level]
        }
        for colour in 0..<125 {
            for digit in [colour / 25, colour / 5 % 5, colour % 5] {
                bytes.append(UInt8((digit * 255 + 2) / 4))
            }
        }
        return bytes
    }()

    /// The index of the palette's nearest colour for each pixel, as a grey image.
    private static func indexed(_ image: Image) -> Image {
        let colour = image.rgb()
        func level(_ value: UInt8) -> UInt8 { UInt8((Int(value) * 4 + 127) / 255) }
        let count = image.size.area
        let indices = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            colour.pixels.withUnsafeBufferPointer { source in
                for pixel in 0..<count {
                    let (red, green, blue) = (
                        source[3 * pixel], source[3 * pixel + 1], source[3 * pixel + 2]
                    )
                    if red == green, green == blue {
                        target[pixel] = red >> 1
                    } else {
                        target[pixel] = 128 + 25 * level(red) + 5 * level(green) + level(blue)
                    }
                }
            }
            initialized = count
        }
        return Image(width: image.width, height: image.height, channels: 1, pixels: indices)
    }
}
