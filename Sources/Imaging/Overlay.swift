/// One object on an overlay: its mask, and the prompts that asked for it.
public struct OverlayObject: Equatable, Sendable {
    /// What was found; of the picture's size.
    public var mask: Mask?
    /// Clicks on the target.
    public var clicks: [PixelPoint]
    /// Clicks off the target.
    public var negativeClicks: [PixelPoint]
    /// Box around the target.
    public var box: PixelRectangle?
    /// Its name, written beside it.
    public var label: String?

    /// - Parameters:
    ///   - mask: what was found; of the picture's size.
    ///   - clicks: clicks on the target.
    ///   - negativeClicks: clicks off the target.
    ///   - box: box around the target.
    ///   - label: its name, written beside it; printable ASCII.
    public init(
        mask: Mask? = nil, clicks: [PixelPoint] = [], negativeClicks: [PixelPoint] = [],
        box: PixelRectangle? = nil, label: String? = nil
    ) {
        self.mask = mask
        self.clicks = clicks
        self.negativeClicks = negativeClicks
        self.box = box
        self.label = label
    }
}

/// Masks and prompts drawn over a picture, with a caption under it.
public struct Overlay: Equatable, Sendable {
    /// What is drawn, the first at the bottom; each has a colour of its own, seven in all.
    public var objects: [OverlayObject]
    /// What the strip under the picture says before "research use only, not a medical device".
    public var caption: String
    /// Whether masks are tinted inside their edges; without, what they cover is seen as it is.
    public var fillsMasks: Bool

    /// - Parameters:
    ///   - objects: what is drawn, the first at the bottom.
    ///   - caption: words for the strip under the picture; printable ASCII.
    ///   - fillsMasks: whether masks are tinted inside their edges.
    public init(objects: [OverlayObject], caption: String = "", fillsMasks: Bool = true) {
        self.objects = objects
        self.caption = caption
        self.fillsMasks = fillsMasks
    }

    /// Draws.
    ///
    /// Pictures shorter than 256 pixels on their longer side are enlarged by a whole factor first,
    /// so that lines and letters have room; line widths grow with the picture. Below is a strip
    /// with the caption, at least 128 pixels wide.
    ///
    /// - Parameter image: the picture that was segmented; its masks have its size.
    /// - Returns: an RGB picture, larger than `image`.
    public func draw(on image: Image) -> Image {
        let drawing = drawWithoutStrip(on: image)
        return drawing.captioned(caption, scale: Self.unit(for: drawing.size))
    }

    /// Draws without the strip, for a sheet that says "research use only" itself.
    ///
    /// - Parameter image: the picture that was segmented; its masks have its size.
    /// - Returns: an RGB picture, enlarged as by ``draw(on:)``.
    public func drawWithoutStrip(on image: Image) -> Image {
        let factor = Self.enlargement(of: image)
        let size = Size(height: image.height * factor, width: image.width * factor)
        let unit = Self.unit(for: size)
        var canvas = Canvas(factor == 1 ? image : image.resizedNearest(to: size))
        let masks = objects.map { object -> Mask? in
            guard let mask = object.mask else { return nil }
            precondition(mask.size == image.size, "a mask has its picture's size")
            return factor == 1 ? mask : mask.resizedNearest(to: size)
        }
        for case (let index, let mask?) in masks.enumerated() where fillsMasks {
            canvas.fill(mask, .object(index), alpha: 70)
        }
        // After all fills, which would dull the outlines under them.
        for case (let index, let mask?) in masks.enumerated() {
            canvas.outline(mask, .object(index), unit: unit)
        }
        for (index, object) in objects.enumerated() {
            draw(object, colour: .object(index), on: &canvas, unit: unit, factor: factor)
        }
        return canvas.image
    }

    private func draw(
        _ object: OverlayObject, colour: Colour, on canvas: inout Canvas, unit: Int, factor: Int
    ) {
        if let box = object.box { canvas.box(box, colour, unit: unit, enlargement: factor) }
        for point in object.negativeClicks {
            canvas.click(point, isPositive: false, unit: unit, enlargement: factor)
        }
        for point in object.clicks {
            canvas.click(point, isPositive: true, unit: unit, enlargement: factor)
        }
        if let label = object.label, !label.isEmpty, let box = object.mask?.boundingBox {
            let enlarged = PixelBox(
                x0: box.x0 * factor, y0: box.y0 * factor, x1: box.x1 * factor, y1: box.y1 * factor)
            canvas.label(label, at: enlarged, colour, unit: unit)
        }
    }

    /// - Parameter image: a picture.
    /// - Returns: by how much it is enlarged before drawing.
    static func enlargement(of image: Image) -> Int {
        (255 + max(image.width, image.height)) / max(image.width, image.height)
    }

    /// - Parameter size: of the enlarged picture.
    /// - Returns: width of a thin line, and pixels a dot of a letter.
    static func unit(for size: Size) -> Int {
        max(Int((Double(size.area).squareRoot() / 450).rounded()), 1)
    }
}
