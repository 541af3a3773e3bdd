/// A colour of 8 bits a channel.
struct Colour: Hashable {
    var red: UInt8
    var green: UInt8
    var blue: UInt8

    static let white = Colour(red: 255, green: 255, blue: 255)
    static let black = Colour(red: 0, green: 0, blue: 0)
    static let strip = Colour(red: 24, green: 24, blue: 28)
    static let stripText = Colour(red: 235, green: 235, blue: 235)
    static let positiveClick = Colour(red: 0, green: 170, blue: 60)
    static let negativeClick = Colour(red: 220, green: 30, blue: 40)

    /// Okabe and Ito's colours, which colour-blind people tell apart; the brightest on grey first.
    private static let palette = [
        Colour(red: 86, green: 180, blue: 233),
        Colour(red: 230, green: 159, blue: 0),
        Colour(red: 204, green: 121, blue: 167),
        Colour(red: 240, green: 228, blue: 66),
        Colour(red: 0, green: 158, blue: 115),
        Colour(red: 213, green: 94, blue: 0),
        Colour(red: 0, green: 114, blue: 178),
    ]

    /// The colour of an object by its place in the list; after seven they repeat.
    static func object(_ index: Int) -> Colour { palette[index % palette.count] }

    /// Mixes this colour into three samples; 256 parts of `alpha` replace them.
    @inline(__always)
    func mix(into pixels: UnsafeMutableBufferPointer<UInt8>, at start: Int, alpha: Int) {
        func mixed(_ old: UInt8, _ new: UInt8) -> UInt8 {
            UInt8(truncatingIfNeeded: (Int(old) &* (256 &- alpha) &+ Int(new) &* alpha &+ 128) >> 8)
        }
        pixels[start] = mixed(pixels[start], red)
        pixels[start + 1] = mixed(pixels[start + 1], green)
        pixels[start + 2] = mixed(pixels[start + 2], blue)
    }

    /// Black or white, whichever is read more easily on this colour.
    var legible: Colour {
        let luma = 299 * Int(red) + 587 * Int(green) + 114 * Int(blue)
        return luma > 128_000 ? .black : .white
    }
}
