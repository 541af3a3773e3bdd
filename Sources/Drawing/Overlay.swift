import Imaging

/// An object on an overlay: its mask and its prompt.
public struct OverlayObject: Equatable, Sendable {
    private enum Content: Equatable, Sendable {
        case mask(Mask)
        case runLength(RunLength)
    }

    private let content: Content?
    /// Points on the target.
    public var foregroundPoints: [PixelPoint]
    /// Points that are not on the target.
    public var backgroundPoints: [PixelPoint]
    /// Box around the target.
    public var box: PixelRectangle?
    /// The object's name, written next to the mask.
    public var label: String?

    /// - Parameters:
    ///   - mask: the object's mask, of the image's size.
    ///   - foregroundPoints: points on the target.
    ///   - backgroundPoints: points that are not on the target.
    ///   - box: box around the target.
    ///   - label: the object's name, written next to the mask; printable ASCII.
    public init(
        mask: Mask? = nil, foregroundPoints: [PixelPoint] = [],
        backgroundPoints: [PixelPoint] = [], box: PixelRectangle? = nil, label: String? = nil
    ) {
        content = mask.map { .mask($0) }
        self.foregroundPoints = foregroundPoints
        self.backgroundPoints = backgroundPoints
        self.box = box
        self.label = label
    }

    /// An object of many: its mask is decoded only while it is drawn.
    ///
    /// - Parameters:
    ///   - runLength: the object's mask, of the image's size.
    ///   - foregroundPoints: points on the target.
    ///   - backgroundPoints: points that are not on the target.
    ///   - box: box around the target.
    ///   - label: the object's name, written next to the mask; printable ASCII.
    public init(
        runLength: RunLength, foregroundPoints: [PixelPoint] = [],
        backgroundPoints: [PixelPoint] = [], box: PixelRectangle? = nil, label: String? = nil
    ) {
        content = .runLength(runLength)
        self.foregroundPoints = foregroundPoints
        self.backgroundPoints = backgroundPoints
        self.box = box
        self.label = label
    }

    /// The object's mask, of the image's size.
    public var mask: Mask? {
        switch content {
        case .mask(let mask): mask
        case .runLength(let runLength): runLength.mask()
        case nil: nil
        }
    }

    /// The mask's part that has foreground; nil without a mask and of an empty one.
    ///
    /// - Parameter size: the image's size, which a mask must have.
    /// - Returns: the mask inside its bounding box.
    func maskPart(in size: Size) -> MaskPart? {
        switch content {
        case .mask(let mask):
            precondition(mask.size == size, "a mask must have the image's size")
            return MaskPart(mask)
        case .runLength(let runLength):
            precondition(runLength.size == size, "a mask must have the image's size")
            return MaskPart(runLength)
        case nil:
            return nil
        }
    }
}

/// Masks and prompts on an image, with a caption below.
public struct Overlay: Equatable, Sendable {
    /// The objects, drawn in this order; up to seven have different colours.
    public var objects: [OverlayObject]
    /// The text in the strip below the image, before "research use only, not a medical device".
    public var caption: String
    /// Whether masks are tinted inside their edges.
    public var fillsMasks: Bool
    /// Thin white lines above the masks, such as axes: the points that each one connects.
    public var lines: [[PixelPoint]] = []

    /// - Parameters:
    ///   - objects: the objects, drawn in this order.
    ///   - caption: the text in the strip below the image; printable ASCII.
    ///   - fillsMasks: whether masks are tinted inside their edges.
    public init(objects: [OverlayObject], caption: String = "", fillsMasks: Bool = true) {
        self.objects = objects
        self.caption = caption
        self.fillsMasks = fillsMasks
    }

    /// Draws the overlay on an image, with the caption in a strip below.
    ///
    /// An image whose longer side is below 256 pixels is first enlarged by an integer factor, so that
    /// there is space for lines and letters. Line widths increase with the image's size. The strip
    /// is at least 128 pixels wide.
    ///
    /// - Parameter image: the segmented image, of the masks' size.
    /// - Returns: an RGB image, larger than `image`.
    public func draw(on image: Image) -> Image {
        let drawing = drawWithoutStrip(on: image)
        return drawing.captioned(caption, scale: Self.unit(for: drawing.size))
    }

    /// Draws the overlay without the strip, for a sheet that has the notice itself.
    ///
    /// - Parameter image: the segmented image, of the masks' size.
    /// - Returns: an RGB image, enlarged as by ``draw(on:)``.
    public func drawWithoutStrip(on image: Image) -> Image {
        let factor = Self.enlargement(of: image)
        let size = Size(height: image.height * factor, width: image.width * factor)
        let unit = Self.unit(for: size)
        var canvas = Canvas(factor == 1 ? image : image.resizedNearest(to: size))
        // One mask at a time: there may be a thousand of a large image.
        func part(of object: OverlayObject) -> MaskPart? {
            object.maskPart(in: image.size)?.enlarged(by: factor)
        }
        for (index, object) in objects.enumerated() where fillsMasks {
            if let part = part(of: object) { canvas.fill(part, .object(index), alpha: 70) }
        }
        // Draw outlines after all fills, which would otherwise cover them.
        var boxes: [PixelBox?] = []
        for (index, object) in objects.enumerated() {
            let part = part(of: object)
            if let part { canvas.outline(part, .object(index), unit: unit) }
            boxes.append(part?.box)
        }
        for line in lines { canvas.line(line, unit: unit, enlargement: factor) }
        for (index, object) in objects.enumerated() {
            drawPrompt(of: object, on: &canvas, unit: unit, factor: factor)
            if let label = object.label, !label.isEmpty, let box = boxes[index] {
                canvas.label(label, at: box, .object(index), unit: unit)
            }
        }
        return canvas.image
    }

    private func drawPrompt(
        of object: OverlayObject, on canvas: inout Canvas, unit: Int, factor: Int
    ) {
        if let box = object.box { canvas.box(box, unit: unit, enlargement: factor) }
        for point in object.backgroundPoints {
            canvas.click(point, isPositive: false, unit: unit, enlargement: factor)
        }
        for point in object.foregroundPoints {
            canvas.click(point, isPositive: true, unit: unit, enlargement: factor)
        }
    }

    /// - Parameter image: an image.
    /// - Returns: the integer factor by which the image is enlarged before drawing.
    static func enlargement(of image: Image) -> Int {
        (255 + max(image.width, image.height)) / max(image.width, image.height)
    }

    /// - Parameter size: size of the enlarged image.
    /// - Returns: width of a thin line, which is also the number of pixels per dot of a letter.
    static func unit(for size: Size) -> Int {
        max(Int((Double(size.area).squareRoot() / 450).rounded()), 1)
    }
}

extension Canvas {
    /// Draws a point prompt: a green disc with a plus, or a red disc with a minus.
    ///
    /// - Parameters:
    ///   - point: the point, in pixels of the image before it was enlarged.
    ///   - isPositive: whether the point is a foreground point.
    ///   - unit: width of a thin line, in pixels.
    ///   - enlargement: pixels of the canvas per pixel of the image.
    mutating func click(_ point: PixelPoint, isPositive: Bool, unit: Int, enlargement: Int) {
        guard let x = corner(point.x, enlargement, width),
            let y = corner(point.y, enlargement, height)
        else { return }
        let radius = Double(5 * unit)
        disc(x: x, y: y, radius: radius + 1.5 * Double(unit), .black)
        disc(x: x, y: y, radius: radius + Double(unit), .white)
        disc(x: x, y: y, radius: radius, isPositive ? .foregroundPoint : .backgroundPoint)
        let (left, top) = (Int(x - Double(unit) / 2), Int(y - Double(unit) / 2))
        let arm = 2 * unit
        fill(
            PixelBox(x0: left - arm, y0: top, x1: left + unit + arm, y1: top + unit), .white)
        if isPositive {
            fill(
                PixelBox(x0: left, y0: top - arm, x1: left + unit, y1: top + unit + arm), .white)
        }
    }

    /// Draws a box prompt as a dashed line with a light halo, in the colour of foreground points:
    /// edges of masks are solid and have other colours.
    ///
    /// - Parameters:
    ///   - rectangle: the box, in pixels of the image before it was enlarged; clipped at the edges.
    ///   - unit: width of a thin line, in pixels.
    ///   - enlargement: pixels of the canvas per pixel of the image.
    mutating func box(_ rectangle: PixelRectangle, unit: Int, enlargement: Int) {
        guard let ax = corner(rectangle.x0, enlargement, width),
            let ay = corner(rectangle.y0, enlargement, height),
            let bx = corner(rectangle.x1, enlargement, width),
            let by = corner(rectangle.y1, enlargement, height)
        else { return }
        let (x0, x1) = (Int(min(ax, bx)), Int(max(ax, bx)))
        let (y0, y1) = (Int(min(ay, by)), Int(max(ay, by)))
        let sides = [
            PixelBox(x0: x0, y0: y0, x1: x1, y1: y0), PixelBox(x0: x0, y0: y1, x1: x1, y1: y1),
            PixelBox(x0: x0, y0: y0, x1: x0, y1: y1), PixelBox(x0: x1, y0: y0, x1: x1, y1: y1),
        ]
        for side in sides {
            let isHorizontal = side.height == 0
            let (start, end) = isHorizontal ? (side.x0, side.x1) : (side.y0, side.y1)
            for dash in stride(from: start, through: end, by: 10 * unit) {
                let stop = min(dash + 6 * unit, end)
                let piece =
                    isHorizontal
                    ? PixelBox(x0: dash, y0: side.y0, x1: stop, y1: side.y1)
                    : PixelBox(x0: side.x0, y0: dash, x1: side.x1, y1: stop)
                fill(piece.thickened(unit, around: (unit + 1) / 2), .white, alpha: 190)
                fill(piece.thickened(unit, around: 0), .foregroundPoint)
            }
        }
    }

    /// Draws a thin white line.
    ///
    /// - Parameters:
    ///   - points: in pixels of the image before it was enlarged.
    ///   - unit: width of the line, in pixels.
    ///   - enlargement: pixels of the canvas per pixel of the image.
    mutating func line(_ points: [PixelPoint], unit: Int, enlargement: Int) {
        let places = points.compactMap { point -> (x: Double, y: Double)? in
            guard let x = corner(point.x, enlargement, width),
                let y = corner(point.y, enlargement, height)
            else { return nil }
            return (x, y)
        }
        let box = PixelBox(x0: 0, y0: 0, x1: width, y1: height)
        polyline(places, width: Double(unit), .white, in: box)
    }

    /// Writes an object's name on a plate of its colour, above its box if there is space.
    ///
    /// - Parameters:
    ///   - text: the name; only its first 24 characters are written.
    ///   - box: the object's bounding box, in pixels of the canvas.
    ///   - colour: the plate's colour.
    ///   - unit: pixels per dot of a letter.
    mutating func label(_ text: String, at box: PixelBox, _ colour: Colour, unit: Int) {
        let text = String(text.prefix(24))
        let plateWidth = (text.count * TinyFont.advance + 3) * unit
        let plateHeight = (TinyFont.height + 4) * unit
        let x = max(min(box.x0, width - plateWidth), 0)
        let above = box.y0 - plateHeight - 2 * unit
        let y = above >= 0 ? above : min(box.y0 + 3 * unit, max(height - plateHeight, 0))
        fill(PixelBox(x0: x, y0: y, x1: x + plateWidth, y1: y + plateHeight), colour, alpha: 230)
        self.text(text, x: x + 2 * unit, y: y + 2 * unit, scale: unit, colour.legible)
    }

    /// Converts a coordinate from the image's pixel centres to the canvas's pixel corners; nil if it is
    /// not finite.
    private func corner(_ value: Double, _ enlargement: Int, _ extent: Int) -> Double? {
        guard value.isFinite else { return nil }
        let place = (value + 0.5) * Double(enlargement)
        // Limit coordinates far outside to just outside, so that they fit in an integer.
        return min(max(place, -1), Double(extent + 1))
    }
}

extension PixelBox {
    fileprivate func thickened(_ unit: Int, around: Int) -> PixelBox {
        let before = unit / 2 + around
        let after = unit - unit / 2 + around
        return PixelBox(x0: x0 - before, y0: y0 - before, x1: x1 + after, y1: y1 + after)
    }
}

extension Image {
    /// Adds a strip below: the caption, then "research use only, not a medical device".
    ///
    /// - Parameters:
    ///   - caption: the caption, which may have several lines or be empty; printable ASCII.
    ///   - scale: pixels per dot of a letter.
    /// - Returns: a higher RGB image, at least 128 pixels wide.
    public func captioned(_ caption: String, scale: Int) -> Image {
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

/// Arranges images on one sheet, each with a caption below, and with "research use only, not a
/// medical device" at the bottom.
///
/// Small tiles are enlarged by an integer factor, up to about the size of the largest one.
///
/// - Parameters:
///   - tiles: images and their captions, in reading order; at least one.
///   - columns: images per row; nil for all images in one row.
/// - Returns: an RGB image.
public func sideBySide(_ tiles: [(image: Image, caption: String)], columns: Int? = nil) -> Image {
    precondition(!tiles.isEmpty, "a sheet must have images")
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
