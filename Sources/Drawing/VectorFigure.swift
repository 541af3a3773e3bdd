import Imaging

/// A figure of lines and texts, drawn as an image or written as SVG.
struct VectorFigure: Equatable {
    /// Which end of a text is at its place.
    enum Anchor: String {
        case start, middle, end
    }

    private enum Element: Equatable {
        case line(x0: Double, y0: Double, x1: Double, y1: Double, width: Double, Colour)
        case text(String, x: Double, y: Double, Anchor, Colour)
    }

    /// Pixels per dot of a letter, as in charts.
    static let scale = ChartPanel.scale
    /// Height of a line of text.
    static let lineHeight = Double(TinyFont.lineHeight * scale)

    /// Rows and columns.
    let size: Size
    private var elements: [Element] = []

    /// An empty figure on white.
    ///
    /// - Parameter size: rows and columns.
    init(_ size: Size) {
        self.size = size
    }

    /// The width of a text in pixels.
    static func width(of text: String) -> Double { Double(ChartPanel.textWidth(text)) }

    /// Adds a line.
    mutating func line(
        _ from: (x: Double, y: Double), _ to: (x: Double, y: Double), width: Double = 2,
        _ colour: Colour = .black
    ) {
        elements.append(
            .line(x0: from.x, y0: from.y, x1: to.x, y1: to.y, width: width, colour))
    }

    /// Adds a text.
    ///
    /// - Parameters:
    ///   - text: printable ASCII.
    ///   - x: column of the anchor.
    ///   - y: row of the letters' upper edge.
    ///   - anchor: which end of the text is at `x`.
    ///   - colour: the colour.
    mutating func text(
        _ text: String, x: Double, y: Double, anchor: Anchor = .start, _ colour: Colour = .black
    ) {
        elements.append(.text(text, x: x, y: y, anchor, colour))
    }

    /// Draws the figure, with "research use only, not a medical device" below it.
    ///
    /// - Returns: an RGB image.
    func draw() -> Image {
        var canvas = Canvas(size, colour: .white)
        let all = PixelBox(x0: 0, y0: 0, x1: size.width, y1: size.height)
        for element in elements {
            switch element {
            case .line(let x0, let y0, let x1, let y1, let width, let colour):
                canvas.polyline([(x0, y0), (x1, y1)], width: width, colour, in: all)
            case .text(let text, let x, let y, let anchor, let colour):
                let width = Self.width(of: text)
                let left =
                    switch anchor {
                    case .start: x
                    case .middle: x - width / 2
                    case .end: x - width
                    }
                canvas.text(text, x: Int(left), y: Int(y), scale: Self.scale, colour)
            }
        }
        return canvas.image.captioned("", scale: Self.scale)
    }

    /// The figure as SVG 1.1, with the same notice below it.
    ///
    /// - Returns: an XML document.
    func svg() -> String {
        let height = Double(size.height) + 2 * Self.lineHeight
        var lines = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(size.width)\" "
                + "height=\"\(Int(height))\" viewBox=\"0 0 \(size.width) \(Int(height))\" "
                + "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"16\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
        ]
        var withNotice = self
        withNotice.text(
            Caption.notice, x: 12, y: Double(size.height) + Self.lineHeight / 2)
        for element in withNotice.elements {
            switch element {
            case .line(let x0, let y0, let x1, let y1, let width, let colour):
                lines.append(
                    "<line x1=\"\(x0)\" y1=\"\(y0)\" x2=\"\(x1)\" y2=\"\(y1)\" "
                        + "stroke=\"\(colour.hex)\" stroke-width=\"\(width)\"/>")
            case .text(let text, let x, let y, let anchor, let colour):
                // SVG places texts by their baseline.
                lines.append(
                    "<text x=\"\(x)\" y=\"\(y + Double(TinyFont.height * Self.scale))\" "
                        + "text-anchor=\"\(anchor.rawValue)\" fill=\"\(colour.hex)\">"
                        + "\(text.escapedForXML)</text>")
            }
        }
        return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
    }
}

extension Colour {
    /// `#RRGGBB`.
    fileprivate var hex: String {
        "#" + [red, green, blue].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension String {
    fileprivate var escapedForXML: String {
        // XML has no control characters.
        String(String.UnicodeScalarView(unicodeScalars.map { $0.value < 32 ? " " : $0 }))
            .replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;")
    }
}
