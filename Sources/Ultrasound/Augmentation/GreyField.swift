import Imaging

extension Image {
    /// Multiplies each grey level by a factor of its place and adds to it, rounds and cuts.
    ///
    /// - Parameters:
    ///   - gain: the factor at an index of ``Image/pixels``.
    ///   - offset: what is added there, in grey levels.
    /// - Returns: a picture of the same size.
    func shaded(
        gain: (Int) -> Float = { _ in 1 }, offset: (Int) -> Float = { _ in 0 }
    ) -> Image {
        var result = self
        result.pixels = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, count in
            pixels.withUnsafeBufferPointer { source in
                for i in source.indices {
                    let level = Float(source[i]) * gain(i) + offset(i)
                    target[i] = UInt8(min(max(level + 0.5, 0), 255))
                }
            }
            count = pixels.count
        }
        return result
    }
}
