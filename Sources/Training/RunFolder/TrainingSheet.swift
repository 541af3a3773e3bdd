import Drawing
import Foundation
import Imaging

/// One augmented image with its label and prompt.
public struct TrainingExample: Sendable {
    /// The image.
    public var image: Image
    /// The label, in the image's size.
    public var label: Mask
    /// Foreground points in pixels of the image.
    public var foregroundPoints: [PixelPoint]
    /// Background points in pixels of the image.
    public var backgroundPoints: [PixelPoint]
    /// Box in pixels of the image.
    public var box: PixelRectangle?
    /// Name of the sample.
    public var name: String

    /// - Parameters:
    ///   - image: the image.
    ///   - label: the label, in the image's size.
    ///   - foregroundPoints: foreground points in pixels of the image.
    ///   - backgroundPoints: background points in pixels of the image.
    ///   - box: box in pixels of the image.
    ///   - name: name of the sample.
    public init(
        image: Image, label: Mask, foregroundPoints: [PixelPoint] = [],
        backgroundPoints: [PixelPoint] = [],
        box: PixelRectangle? = nil, name: String
    ) {
        self.image = image
        self.label = label
        self.foregroundPoints = foregroundPoints
        self.backgroundPoints = backgroundPoints
        self.box = box
        self.name = name
    }
}

/// `train_batch0.png`: the images of a batch with labels and prompts.
///
/// - Parameters:
///   - examples: at least one; the first 16 are drawn.
///   - columns: number of images in a row.
/// - Returns: an RGB image.
public func trainingSheet(_ examples: [TrainingExample], columns: Int = 4) -> Image {
    sideBySide(
        examples.prefix(16).map { example in
            let object = OverlayObject(
                mask: example.label, foregroundPoints: example.foregroundPoints,
                backgroundPoints: example.backgroundPoints, box: example.box)
            return (tile(example.image, [object]), example.name.shortened)
        }, columns: columns)
}

/// A label and a prediction of one image.
public struct PredictionExample: Sendable {
    /// The image.
    public var image: Image
    /// The label, in the image's size.
    public var label: Mask
    /// The prediction, in the image's size.
    public var prediction: Mask
    /// Dice of label and prediction, 0 to 1.
    public var dice: Double
    /// Foreground points of the prompt in pixels of the image.
    public var foregroundPoints: [PixelPoint]
    /// Box of the prompt in pixels of the image.
    public var box: PixelRectangle?
    /// Name of the sample.
    public var name: String

    /// - Parameters:
    ///   - image: the image.
    ///   - label: the label, in the image's size.
    ///   - prediction: the prediction, in the image's size.
    ///   - dice: Dice of label and prediction, 0 to 1.
    ///   - foregroundPoints: foreground points of the prompt in pixels of the image.
    ///   - box: box of the prompt in pixels of the image.
    ///   - name: name of the sample.
    public init(
        image: Image, label: Mask, prediction: Mask, dice: Double,
        foregroundPoints: [PixelPoint] = [],
        box: PixelRectangle? = nil, name: String
    ) {
        self.image = image
        self.label = label
        self.prediction = prediction
        self.dice = dice
        self.foregroundPoints = foregroundPoints
        self.box = box
        self.name = name
    }
}

/// `val_pred_*.png`: labels in blue and predictions in orange, with their Dice.
///
/// - Parameters:
///   - examples: at least one; the first 16 are drawn.
///   - columns: number of images in a row.
/// - Returns: an RGB image.
public func predictionSheet(_ examples: [PredictionExample], columns: Int = 4) -> Image {
    sideBySide(
        examples.prefix(16).map { example in
            let objects = [
                OverlayObject(mask: example.label),
                OverlayObject(
                    mask: example.prediction, foregroundPoints: example.foregroundPoints,
                    box: example.box),
            ]
            let prediction =
                example.prediction.area == 0 ? "empty prediction" : "orange prediction"
            let label = example.label.area == 0 ? "empty label" : "blue label"
            let dice = String(format: "%.3f", example.dice)
            return (
                tile(example.image, objects),
                "Dice \(dice): \(label), \(prediction)\n\(example.name.shortened)"
            )
        }, columns: columns)
}

/// Contours and prompts on an image of at most 512 x 512 pixels, so that any viewer opens a sheet of
/// large images.
private func tile(_ image: Image, _ objects: [OverlayObject]) -> Image {
    let scale = 512 / Double(max(image.width, image.height))
    guard scale < 1 else {
        return Overlay(objects: objects, fillsMasks: false).drawWithoutStrip(on: image)
    }
    let size = Size(
        height: max(Int(Double(image.height) * scale), 1),
        width: max(Int(Double(image.width) * scale), 1))
    // Pixel centres have integer coordinates.
    func scaled(_ place: Double) -> Double { (place + 0.5) * scale - 0.5 }
    func scaled(_ points: [PixelPoint]) -> [PixelPoint] {
        points.map { PixelPoint(x: scaled($0.x), y: scaled($0.y)) }
    }
    let smaller = objects.map { object in
        OverlayObject(
            mask: object.mask?.resizedNearest(to: size),
            foregroundPoints: scaled(object.foregroundPoints),
            backgroundPoints: scaled(object.backgroundPoints),
            box: object.box.map {
                PixelRectangle(
                    x0: scaled($0.x0), y0: scaled($0.y0), x1: scaled($0.x1), y1: scaled($0.y1))
            }, label: object.label)
    }
    return Overlay(objects: smaller, fillsMasks: false)
        .drawWithoutStrip(on: image.resizedLikePillow(to: size))
}

extension PredictionRank {
    /// Selects the cases of a validation to draw.
    ///
    /// - Parameters:
    ///   - dice: Dice of each case.
    ///   - count: number of cases to select.
    /// - Returns: indices into `dice`, the worst (or best) first; of equal ones the first.
    public func selected(of dice: [Double], count: Int = 4) -> [Int] {
        let order = dice.indices.sorted { a, b in
            // NaN is worse than any number.
            let (x, y) = (dice[a].isNaN ? -1 : dice[a], dice[b].isNaN ? -1 : dice[b])
            return (x, a) < (y, b)
        }
        let count = min(max(count, 0), order.count)
        switch self {
        case .worst: return Array(order.prefix(count))
        case .best: return order.suffix(count).reversed()
        case .median:
            let start = (order.count - count) / 2
            return Array(order[start..<start + count])
        }
    }
}

extension String {
    /// The end of a long name; characters that cannot be drawn become '?'.
    fileprivate var shortened: String {
        let drawable = String(map { $0.isASCII && !$0.isNewline ? $0 : "?" })
        return drawable.count > 40 ? "..." + drawable.suffix(37) : drawable
    }
}
