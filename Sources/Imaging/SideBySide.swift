extension Image {
    /// Adds a strip below: the caption, then "research use only, not a medical device".
    ///
    /// - Parameters:
    ///   - caption: words; may be empty.
    ///   - scale: pixels a dot of a letter.
    /// - Returns: an RGB picture, higher, and at least 128 pixels wide.
    func captioned(_ caption: String, scale: Int) -> Image {
        let stripWidth = max(width, 128)
        let words = caption.isEmpty ? Caption.notice : caption + "\n" + Caption.notice
        let strip = Caption(words, width: stripWidth, scale: scale)
        var canvas = Canvas(
            Size(height: height + strip.height, width: stripWidth), colour: .strip)
        canvas.place(self, x: 0, y: 0)
        strip.draw(on: &canvas, x: 0, y: height)
        return canvas.image
    }
}

/// Lays pictures out on one sheet, each with its caption below it.
///
/// Small tiles are enlarged by a whole factor towards the largest one. Under all of them the sheet
/// says "research use only, not a medical device".
///
/// - Parameters:
///   - tiles: pictures and their captions, in reading order; at least one.
///   - columns: pictures in a row; all of them when nil.
/// - Returns: an RGB picture.
public func sideBySide(_ tiles: [(image: Image, caption: String)], columns: Int? = nil) -> Image {
    precondition(!tiles.isEmpty, "a sheet has pictures")
    let columns = min(max(columns ?? tiles.count, 1), tiles.count)
    let extent = max(tiles.map { max($0.image.width, $0.image.height) }.max() ?? 1, 256)
    let images = tiles.map { tile in
        let factor = max(extent / max(tile.image.width, tile.image.height), 1)
        return tile.image.resizedNearest(
            to: Size(height: tile.image.height * factor, width: tile.image.width * factor))
    }
    let cell = Size(
        height: images.map(\.height).max() ?? 1, width: max(images.map(\.width).max() ?? 1, 128))
    let scale = Overlay.unit(for: cell)
    let captions = tiles.map { Caption($0.caption, width: cell.width, scale: scale) }
    let captionHeight = captions.map(\.height).max() ?? 0
    let gap = 4 * scale
    let rows = (tiles.count + columns - 1) / columns
    let width = columns * cell.width + (columns - 1) * gap
    let height = rows * (cell.height + captionHeight) + (rows - 1) * gap
    var canvas = Canvas(Size(height: height, width: width), colour: .strip)
    for index in tiles.indices {
        let x = index % columns * (cell.width + gap)
        let y = index / columns * (cell.height + captionHeight + gap)
        canvas.place(images[index], x: x, y: y)
        captions[index].draw(on: &canvas, x: x, y: y + images[index].height)
    }
    return canvas.image.captioned("", scale: scale)
}
