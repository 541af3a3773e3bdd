import Imaging

extension Mask {
    /// The middle one of the pixels in row-major order: of n the one with n / 2 before it.
    ///
    /// The authors' `fixed_click`. It need not lie in the middle of the object.
    ///
    /// - Parameter inside: whether pixels of the object are meant, or those beside it.
    /// - Returns: a pixel's centre; nil where there is no such pixel.
    public func middlePixel(inside: Bool = true) -> PixelPoint? {
        pixel(inside: inside) { $0 / 2 }
    }

    /// One of the pixels, chosen by its place in row-major order.
    ///
    /// - Parameters:
    ///   - inside: whether pixels of the object are meant, or those beside it.
    ///   - place: gives the place, below the number of pixels that it is told.
    /// - Returns: a pixel's centre; nil where there is no such pixel.
    func pixel(inside: Bool, at place: (Int) -> Int) -> PixelPoint? {
        let count = inside ? area : values.count - area
        guard count > 0 else { return nil }
        var left = place(count)
        let wanted: UInt8 = inside ? 1 : 0
        return values.withUnsafeBufferPointer { values in
            for index in 0..<values.count where values[index] == wanted {
                guard left > 0 else {
                    return PixelPoint(x: Double(index % width), y: Double(index / width))
                }
                left -= 1
            }
            return nil
        }
    }
}
