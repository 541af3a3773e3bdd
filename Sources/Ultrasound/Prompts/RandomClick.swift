import Imaging

extension Mask {
    /// Pixels by chance, each as likely as the other; one may come twice.
    ///
    /// - Parameters:
    ///   - count: how many.
    ///   - inside: whether pixels of the object are meant, or those beside it.
    ///   - random: what they are drawn from.
    /// - Returns: pixels' centres; none where there is no such pixel.
    public func randomPixels(
        _ count: Int, inside: Bool = true, using random: inout some RandomNumberGenerator
    ) -> [PixelPoint] {
        (0..<count).compactMap { _ in
            pixel(inside: inside) { Int.random(in: 0..<$0, using: &random) }
        }
    }
}
