import Imaging

/// Which of several objects each pixel of an image belongs to.
///
/// Where objects overlap, a pixel belongs to the one with the highest logit, and among equal ones to
/// the first.
public struct LabelMap: Equatable, Sendable {
    /// The image's size.
    public let size: Size
    /// The number of the object at each pixel, from 1, row by row; 0 for the background.
    public private(set) var objects: [UInt16]
    /// The highest logit of each pixel so far.
    private var highest: [Float]
    private var count = 0

    /// A map without objects.
    ///
    /// - Parameter size: the image's size.
    public init(size: Size) {
        self.size = size
        objects = [UInt16](repeating: 0, count: size.area)
        highest = [Float](repeating: -.infinity, count: size.area)
    }

    /// The most probable class of each pixel.
    ///
    /// - Parameters:
    ///   - prediction: logits over a model's input.
    ///   - geometry: how the image is placed in the input. Logits are resized to the image before
    ///     they are compared.
    public init(_ prediction: ClassPrediction, in geometry: InputGeometry) {
        self.init(size: geometry.original)
        for channel in 0..<prediction.logits.channels {
            let plane = geometry.restoredLogits(prediction.logits.plane(channel)).values
            for place in plane.indices where plane[place] > highest[place] {
                highest[place] = plane[place]
                objects[place] = UInt16(channel)
            }
        }
        count = prediction.logits.channels - 1
    }

    /// Adds the next object, which gets the number of objects so far plus 1.
    ///
    /// - Parameters:
    ///   - mask: the object's pixels, of the image's size.
    ///   - logits: the object's logits at the image's size.
    public mutating func add(_ mask: Mask, logits: Planes) {
        precondition(mask.size == size && logits.size == size, "an object of \(size) pixels")
        count += 1
        precondition(count <= Int(UInt16.max), "at most \(UInt16.max) objects")
        let values = mask.values
        for place in values.indices
        where values[place] != 0 && logits.values[place] > highest[place] {
            highest[place] = logits.values[place]
            objects[place] = UInt16(count)
        }
    }

    /// The pixels of one object.
    ///
    /// - Parameter object: the object's number, from 1.
    /// - Returns: a mask of the image's size.
    public func mask(of object: Int) -> Mask {
        let number = UInt16(clamping: object)
        return Mask(
            width: size.width, height: size.height,
            values: objects.map { $0 == number ? 1 : 0 })
    }
}

/// The result of a network that segments several classes at once.
public struct ClassPrediction: Equatable, Sendable {
    /// Logits over the model's whole input: the background, then each class, `[1 + C, S, S]`.
    ///
    /// The class of a pixel is the channel with the highest logit; softmax gives probabilities.
    public let logits: Planes
    /// The model's estimate of each class's IoU; not calibrated.
    public let iouEstimates: [Float]

    /// - Parameters:
    ///   - logits: background and classes, `[1 + C, S, S]`.
    ///   - iouEstimates: C estimates.
    public init(logits: Planes, iouEstimates: [Float]) {
        precondition(logits.channels == iouEstimates.count + 1, "an estimate for each class")
        self.logits = logits
        self.iouEstimates = iouEstimates
    }

    /// Joins the logits of the background and of each class.
    ///
    /// - Parameter channels: the background, then the classes; at least two, of one size.
    public init(_ channels: [MaskPrediction]) {
        let size = channels[0].logits.size
        self.init(
            logits: Planes(
                channels: channels.count, height: size.height, width: size.width,
                values: channels.flatMap(\.logits.values)),
            iouEstimates: channels.dropFirst().map(\.iouEstimate))
    }

    /// How far one class's logits are above the highest of the others: positive in its mask.
    ///
    /// - Parameter index: the class, from 0.
    /// - Returns: one plane over the model's input.
    public func margin(of index: Int) -> Planes {
        let area = logits.size.area
        var others = [Float](repeating: -.infinity, count: area)
        for channel in 0..<logits.channels where channel != index + 1 {
            for place in 0..<area {
                others[place] = max(others[place], logits.values[channel * area + place])
            }
        }
        let own = logits.values[((index + 1) * area)..<((index + 2) * area)]
        return Planes(
            channels: 1, height: logits.height, width: logits.width,
            values: zip(own, others).map { $0 - $1 })
    }
}

extension Planes {
    /// One plane alone.
    fileprivate func plane(_ channel: Int) -> Planes {
        Planes(
            channels: 1, height: height, width: width,
            values: Array(values[(channel * size.area)..<((channel + 1) * size.area)]))
    }
}

extension EncodedImage {
    /// Segments all classes of the model at once, without a prompt.
    ///
    /// - Returns: one mask for each class of ``ModelDescription/classes``, in this order; no two
    ///   overlap.
    /// - Throws: the errors of ``predictClasses()``.
    public func segmentClasses() throws -> [SegmentationResult] {
        let prediction = try predictClasses()
        let map = LabelMap(prediction, in: geometry)
        return prediction.iouEstimates.enumerated().map { index, estimate in
            SegmentationResult(
                logits: prediction.margin(of: index), mask: map.mask(of: index + 1),
                iouEstimate: estimate)
        }
    }
}
