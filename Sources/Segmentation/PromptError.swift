import Imaging

/// Why a prompt cannot be used on a picture.
public enum PromptError: Error, Equatable, Sendable {
    case empty
    case onlyNegatives
    case notANumber(String)
    case pointOutside(PixelPoint, Size)
    case boxOutside(PixelRectangle, Size)
    case boxWithoutArea(PixelRectangle)
    case maskOfOtherSize(mask: Size, picture: Size)
    case emptyMask
}

extension PromptError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .empty:
            "nothing says which object is meant: give a box, a click or a mask"
        case .onlyNegatives:
            "clicks beside the object say only what it is not: add a box or a click on it"
        case .notANumber(let what):
            "\(what) is not a finite number"
        case .pointOutside(let point, let size):
            "the click \(point.text) lies outside the picture, which is \(size) pixels"
        case .boxOutside(let box, let size):
            "the box \(box.text) lies outside the picture, which is \(size) pixels"
        case .boxWithoutArea(let box):
            "the box \(box.text) has no area: two opposite corners are needed, x0,y0,x1,y1"
        case .maskOfOtherSize(let mask, let picture):
            "the mask is \(mask) pixels, the picture \(picture): they must agree"
        case .emptyMask:
            "the mask has no pixel inside"
        }
    }
}

extension PixelPoint {
    /// As the command line takes it: `x,y`.
    public var text: String { "\(short(x)),\(short(y))" }
}

extension PixelRectangle {
    /// As the command line takes it: `x0,y0,x1,y1`.
    public var text: String { [x0, y0, x1, y1].map(short).joined(separator: ",") }
}

private func short(_ value: Double) -> String {
    // Only whole numbers that an Int holds are shortened; 1e300 and NaN stay as they are.
    Int(exactly: value).map(String.init) ?? "\(value)"
}
