import CPng

/// A PNG file with a valid, supported header.
struct PNGReader {
    let width: Int
    let height: Int
    let bitDepth: Int
    /// 1 for grey files, 3 for RGB and palette files, not counting alpha.
    let channels: Int

    private let isPalette: Bool
    private let bytes: [UInt8]
    private let name: String

    /// Deflate's largest compression ratio.
    private static let largestDeflateRatio = 1032

    /// - Parameters:
    ///   - bytes: the whole file, beginning with PNG's signature.
    ///   - name: the file's name in errors.
    ///   - limits: the largest accepted image.
    /// - Throws: ``ImageError`` if the header is invalid, or exceeds the limits.
    init(_ bytes: [UInt8], name: String, limits: ImageLimits) throws(ImageError) {
        guard bytes.count >= 33, bytes[8..<16].elementsEqual([0, 0, 0, 13, 73, 72, 68, 82]) else {
            throw .damaged(name: name, reason: "its PNG header is missing")
        }
        func number(at offset: Int) -> Int {
            bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
        }
        width = number(at: 16)
        height = number(at: 20)
        bitDepth = Int(bytes[24])
        isPalette = bytes[25] == 3
        let samplesInFile: Int
        switch (bytes[25], bitDepth) {
        case (0, 1), (0, 2), (0, 4), (0, 8), (0, 16): (channels, samplesInFile) = (1, 1)
        case (2, 8), (2, 16): (channels, samplesInFile) = (3, 3)
        case (3, 1), (3, 2), (3, 4), (3, 8): (channels, samplesInFile) = (3, 1)
        case (4, 8), (4, 16): (channels, samplesInFile) = (1, 2)
        case (6, 8), (6, 16): (channels, samplesInFile) = (3, 4)
        default:
            throw .damaged(
                name: name,
                reason: "its header has colour type \(bytes[25]) with \(bitDepth) bits")
        }
        let bits = bytes.count * Self.largestDeflateRatio * 8
        try limits.check(
            width: width, height: height, bytes: bytes.count,
            largest: bits / (bitDepth * samplesInFile), name: name)
        self.bytes = bytes
        self.name = name
    }

    /// - Returns: the image with 8 bits per sample; of 16 bits, the high byte.
    /// - Throws: ``ImageError/damaged(name:reason:)`` with libpng's message, and
    ///   ``ImageError/lowDynamicRange(name:largest:)``.
    func image() throws(ImageError) -> Image {
        let pixels = bitDepth == 16 ? try highBytes() : try samples(bytesEach: 1)
        return Image(width: width, height: height, channels: channels, pixels: pixels)
    }

    /// The high bytes of 16-bit samples.
    ///
    /// Devices that store 10 or 12 bits in 16 leave only a few grey levels in the high byte. Such
    /// images are refused, because their masks would be wrong without any other sign.
    private func highBytes() throws(ImageError) -> [UInt8] {
        let samples = try samples(bytesEach: 2)
        let high = stride(from: 0, to: samples.count, by: 2).map { samples[$0] }
        let largest = samples.withUnsafeBufferPointer { samples in
            stride(from: 0, to: samples.count, by: 2).reduce(0) { largest, place in
                max(largest, Int(samples[place]) << 8 | Int(samples[place + 1]))
            }
        }
        guard largest == 0 || largest >= 0x4000 else {
            throw .lowDynamicRange(name: name, largest: largest)
        }
        return high
    }

    /// The values of a label as stored: all 16 bits, and the indices of a palette.
    ///
    /// - Returns: one value for each pixel, of RGB files the largest channel.
    /// - Throws: ``ImageError/damaged(name:reason:)`` with libpng's message.
    func labelValues() throws(ImageError) -> LabelValues {
        if isPalette {
            let indices = try samples(bytesEach: 1, channels: 1)
            if try palette.areIndicesValues(in: indices, name: name) {
                return LabelValues(width: width, height: height, values: indices.map(UInt16.init))
            }
        }
        let bytesEach = bitDepth == 16 ? 2 : 1
        return LabelValues(
            width: width, height: height, channels: channels, bytesEach: bytesEach,
            samples: try samples(bytesEach: bytesEach))
    }

    /// The colours of a palette file.
    private var palette: PNGPalette {
        var place = 8
        while place + 12 <= bytes.count {
            let length = bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            let start = place + 8
            guard length <= bytes.count - start - 4 else { break }
            if bytes[place + 4..<start].elementsEqual(Array("PLTE".utf8)) {
                return PNGPalette(Array(bytes[start..<start + length]))
            }
            place = start + length + 4
        }
        return PNGPalette([])
    }

    private func samples(
        bytesEach: Int, channels wanted: Int? = nil
    ) throws(ImageError) -> [UInt8] {
        var message = [CChar](repeating: 0, count: Int(CPNG_MESSAGE_SIZE))
        var succeeded = false
        let channels = wanted ?? channels
        let count = width * height * channels * bytesEach
        let samples = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            succeeded =
                cpng_decode(
                    bytes, bytes.count, UInt32(width), UInt32(height), Int32(channels),
                    Int32(bytesEach), buffer.baseAddress, &message) == 0
            initialized = succeeded ? count : 0
        }
        guard succeeded else {
            throw .damaged(name: name, reason: string(from: message))
        }
        return samples
    }
}

/// The text of a C string in a buffer.
func string(from characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// The colours of a palette file, from index 0.
private struct PNGPalette {
    private let colours: [UInt8]

    init(_ colours: [UInt8]) {
        self.colours = colours
    }

    /// Whether the indices are a label's values; else its colours are grey values.
    ///
    /// A grey image that a program has stored with a palette keeps its grey values, as its indices
    /// only number them.
    ///
    /// - Parameters:
    ///   - indices: of all pixels.
    ///   - name: the file's name in errors.
    /// - Returns: whether one of the colours in use is not grey.
    /// - Throws: ``ImageError/unsupportedKind(name:kind:)`` where black, the background, is in use
    ///   and is not index 0.
    func areIndicesValues(in indices: [UInt8], name: String) throws(ImageError) -> Bool {
        var isUsed = [Bool](repeating: false, count: 256)
        for index in indices { isUsed[Int(index)] = true }
        let used = isUsed.indices.filter { isUsed[$0] && 3 * $0 + 2 < colours.count }
        func colour(_ index: Int) -> [UInt8] { Array(colours[3 * index..<3 * index + 3]) }
        guard used.contains(where: { Set(colour($0)).count > 1 }) else { return false }
        if let black = used.first(where: { colour($0) == [0, 0, 0] }), black != 0, isUsed[0] {
            throw .unsupportedKind(
                name: name,
                kind: "a label whose palette has the background, black, at index \(black), not at 0"
            )
        }
        return true
    }
}
