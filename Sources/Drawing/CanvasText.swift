import Imaging

extension Canvas {
    /// Draws one line of text.
    ///
    /// - Parameters:
    ///   - text: printable ASCII; other characters are drawn as empty frames.
    ///   - x: column of the first letter's left edge.
    ///   - y: row of the letters' upper edge.
    ///   - scale: pixels per dot of a letter.
    ///   - colour: the letters' colour.
    mutating func text(_ text: String, x: Int, y: Int, scale: Int, _ colour: Colour) {
        for (place, character) in text.enumerated() {
            let left = x + place * TinyFont.advance * scale
            if left >= width { return }
            for (row, dots) in TinyFont.rows(of: character).enumerated() {
                for column in 0..<TinyFont.width
                where dots >> (TinyFont.width - 1 - column) & 1 == 1 {
                    let x0 = left + column * scale
                    let y0 = y + row * scale
                    fill(PixelBox(x0: x0, y0: y0, x1: x0 + scale, y1: y0 + scale), colour)
                }
            }
        }
    }
}

/// A caption below an image, wrapped to the image's width.
struct Caption {
    /// The notice on every image that this program draws.
    static let notice = ResearchNotice.text

    let lines: [String]
    let scale: Int
    /// Available width in pixels.
    let width: Int

    /// - Parameters:
    ///   - text: the caption, which may contain line breaks.
    ///   - width: available width in pixels.
    ///   - scale: pixels per dot of a letter.
    init(_ text: String, width: Int, scale: Int) {
        self.scale = scale
        self.width = width
        let room = max((width - 2 * Self.margin(scale)) / (TinyFont.advance * scale), 1)
        lines = text.split(separator: "\n").flatMap { Self.wrapped(String($0), room: room) }
    }

    /// The caption with the notice below it.
    ///
    /// - Parameters:
    ///   - text: the caption; may be empty.
    ///   - width: available width in pixels.
    ///   - scale: pixels per dot of a letter.
    /// - Returns: the lines.
    static func withNotice(_ text: String, width: Int, scale: Int) -> Caption {
        Caption(text.isEmpty ? notice : text + "\n" + notice, width: width, scale: scale)
    }

    /// The strip's height in pixels; 0 if there are no lines.
    var height: Int {
        lines.isEmpty ? 0 : lines.count * TinyFont.lineHeight * scale + 2 * Self.margin(scale)
    }

    /// Draws the lines.
    ///
    /// - Parameters:
    ///   - canvas: the canvas to draw on.
    ///   - x: column of the strip's left edge.
    ///   - y: row of the strip's upper edge.
    func draw(on canvas: inout Canvas, x: Int, y: Int) {
        for (index, line) in lines.enumerated() {
            let top = y + Self.margin(scale) + index * TinyFont.lineHeight * scale + scale
            canvas.text(line, x: x + Self.margin(scale), y: top, scale: scale, .stripText)
        }
    }

    private static func margin(_ scale: Int) -> Int { 3 * scale }

    /// Wraps the text between words; words that are longer than a line are split.
    private static func wrapped(_ text: String, room: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            var word = String(word)
            if !line.isEmpty && line.count + 1 + word.count <= room {
                line += " " + word
                continue
            }
            if !line.isEmpty { lines.append(line) }
            while word.count > room {
                lines.append(String(word.prefix(room)))
                word = String(word.dropFirst(room))
            }
            line = word
        }
        return line.isEmpty ? lines : lines + [line]
    }
}

/// A bitmap font of 5x7 dots with the printable ASCII characters, drawn for this program.
enum TinyFont {
    static let width = 5
    static let height = 7
    /// Distance between the left edges of adjacent letters, in dots.
    static let advance = 6
    /// Distance between the upper edges of adjacent lines, in dots.
    static let lineHeight = 10

    /// The seven rows of five dots of a character; the leftmost dot is bit 4.
    ///
    /// - Parameter character: the character; others than printable ASCII give an empty frame.
    /// - Returns: the rows, from the top.
    static func rows(of character: Character) -> [UInt8] {
        let code = character.asciiValue ?? 127
        return glyphs[(32...126).contains(code) ? Int(code) - 32 : 95]
    }

    private static let glyphsInARow = 12

    private static let glyphs: [[UInt8]] = {
        let lines = art.split(separator: "\n").map { Array($0.utf8) }
        return (0..<96).map { glyph in
            (0..<height).map { row in
                let line = lines[glyph / glyphsInARow * height + row]
                let start = glyph % glyphsInARow * advance
                return line[start..<start + width].reduce(0) {
                    $0 << 1 | ($1 == UInt8(ascii: "#") ? 1 : 0)
                }
            }
        }
    }()

    /// The characters from space to tilde, twelve per row; the last one is the empty frame.
    private static let art = """
        ..... ..#.. .#.#. .#.#. ..#.. ##... .##.. ..#.. ...#. .#... ..... .....
        ..... ..#.. .#.#. .#.#. .#### ##..# #..#. ..#.. ..#.. ..#.. ..#.. ..#..
        ..... ..#.. .#.#. ##### #.#.. ...#. #.#.. .#... .#... ...#. #.#.# ..#..
        ..... ..#.. ..... .#.#. .###. ..#.. .#... ..... .#... ...#. .###. #####
        ..... ..#.. ..... ##### ..#.# .#... #.#.# ..... .#... ...#. #.#.# ..#..
        ..... ..... ..... .#.#. ####. #..## #..#. ..... ..#.. ..#.. ..#.. ..#..
        ..... ..#.. ..... .#.#. ..#.. ...## .##.# ..... ...#. .#... ..... .....

        ..... ..... ..... ....# .###. ..#.. .###. ##### ...#. ##### ..##. #####
        ..... ..... ..... ....# #...# .##.. #...# ...#. ..##. #.... .#... ....#
        ..... ..... ..... ...#. #..## ..#.. ....# ..#.. .#.#. ####. #.... ...#.
        ..... ##### ..... ..#.. #.#.# ..#.. ...#. ...#. #..#. ....# ####. ..#..
        .##.. ..... ..... .#... ##..# ..#.. ..#.. ....# ##### ....# #...# .#...
        ..#.. ..... .##.. #.... #...# ..#.. .#... #...# ...#. #...# #...# .#...
        .#... ..... .##.. #.... .###. .###. ##### .###. ...#. .###. .###. .#...

        .###. .###. ..... ..... ...#. ..... .#... .###. .###. .###. ####. .###.
        #...# #...# .##.. .##.. ..#.. ..... ..#.. #...# #...# #...# #...# #...#
        #...# #...# .##.. .##.. .#... ##### ...#. ....# #.### #...# #...# #....
        .###. .#### ..... ..... #.... ..... ....# ...#. #.#.# ##### ####. #....
        #...# ....# .##.. .##.. .#... ##### ...#. ..#.. #.### #...# #...# #....
        #...# ...#. .##.. ..#.. ..#.. ..... ..#.. ..... #.... #...# #...# #...#
        .###. .##.. ..... .#... ...#. ..... .#... ..#.. .###. #...# ####. .###.

        ###.. ##### ##### .###. #...# .###. ..### #...# #.... #...# #...# .###.
        #..#. #.... #.... #...# #...# ..#.. ...#. #..#. #.... ##.## #...# #...#
        #...# #.... #.... #.... #...# ..#.. ...#. #.#.. #.... #.#.# ##..# #...#
        #...# ####. ####. #.### ##### ..#.. ...#. ##... #.... #.#.# #.#.# #...#
        #...# #.... #.... #...# #...# ..#.. ...#. #.#.. #.... #...# #..## #...#
        #..#. #.... #.... #...# #...# ..#.. #..#. #..#. #.... #...# #...# #...#
        ###.. ##### #.... .#### #...# .###. .##.. #...# ##### #...# #...# .###.

        ####. .###. ####. .#### ##### #...# #...# #...# #...# #...# ##### .###.
        #...# #...# #...# #.... ..#.. #...# #...# #...# #...# #...# ....# .#...
        #...# #...# #...# #.... ..#.. #...# #...# #...# .#.#. #...# ...#. .#...
        ####. #...# ####. .###. ..#.. #...# #...# #.#.# ..#.. .#.#. ..#.. .#...
        #.... #.#.# #.#.. ....# ..#.. #...# #...# #.#.# .#.#. ..#.. .#... .#...
        #.... #..#. #..#. ....# ..#.. #...# .#.#. #.#.# #...# ..#.. #.... .#...
        #.... .##.# #...# ####. ..#.. .###. ..#.. .#.#. #...# ..#.. ##### .###.

        #.... .###. ..#.. ..... .#... ..... #.... ..... ....# ..... ..##. .....
        #.... ...#. .#.#. ..... ..#.. ..... #.... ..... ....# ..... .#..# .####
        .#... ...#. #...# ..... ...#. .###. #.##. .###. .##.# .###. .#... #...#
        ..#.. ...#. ..... ..... ..... ....# ##..# #.... #..## #...# ###.. #...#
        ...#. ...#. ..... ..... ..... .#### #...# #.... #...# ##### .#... .####
        ....# ...#. ..... ..... ..... #...# #...# #...# #...# #.... .#... ....#
        ....# .###. ..... ##### ..... .#### ####. .###. .#### .###. .#... .###.

        #.... ..#.. ...#. #.... .##.. ..... ..... ..... ..... ..... ..... .....
        #.... ..... ..... #.... ..#.. ..... ..... ..... ..... ..... ..... .....
        #.##. .##.. ..##. #..#. ..#.. ##.#. #.##. .###. ####. .##.# #.##. .###.
        ##..# ..#.. ...#. #.#.. ..#.. #.#.# ##..# #...# #...# #..## ##..# #....
        #...# ..#.. ...#. ##... ..#.. #.#.# #...# #...# ####. .#### #.... .###.
        #...# ..#.. #..#. #.#.. ..#.. #...# #...# #...# #.... ....# #.... ....#
        #...# .###. .##.. #..#. .###. #...# #...# .###. #.... ....# #.... ####.

        .#... ..... ..... ..... ..... ..... ..... ...#. ..#.. .#... ..... #####
        .#... ..... ..... ..... ..... ..... ..... ..#.. ..#.. ..#.. ..... #...#
        ###.. #...# #...# #...# #...# #...# ##### ..#.. ..#.. ..#.. .#... #...#
        .#... #...# #...# #...# .#.#. #...# ...#. .#... ..#.. ...#. #.#.# #...#
        .#... #...# #...# #.#.# ..#.. .#### ..#.. ..#.. ..#.. ..#.. ...#. #...#
        .#..# #..## .#.#. #.#.# .#.#. ....# .#... ..#.. ..#.. ..#.. ..... #...#
        ..##. .##.# ..#.. .#.#. #...# .###. ##### ...#. ..#.. .#... ..... #####
        """
}
