/// How long pictures and masks take.
public struct Speed: Codable, Equatable, Sendable {
    /// Pictures measured; the first of a run, which warms up, is left out where there are others.
    public var pictures: Int
    /// Masks measured.
    public var masks: Int
    /// Seconds to look at a picture, median.
    public var encode: Double
    /// Seconds for a mask on a picture that was looked at, median of the pictures' means.
    public var prompt: Double

    /// Pictures a second, each looked at and given one mask.
    public var framesPerSecond: Double { 1 / max(encode + prompt, 1e-9) }

    /// - Parameter times: of pictures, in order; nil comes back where there are none.
    init?(_ times: [PictureTime]) {
        let measured = times.count > 1 ? Array(times.dropFirst()) : times
        guard !measured.isEmpty else { return nil }
        pictures = measured.count
        masks = measured.reduce(0) { $0 + $1.count }
        encode = Self.median(measured.map(\.encode))
        prompt = Self.median(measured.map { $0.masks / Double(max($0.count, 1)) })
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
