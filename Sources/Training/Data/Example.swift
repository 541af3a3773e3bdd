import Datasets
import Imaging
import Segmentation
import Torch

/// One sample as the network sees it in one step.
public struct Example: Sendable {
    /// The sample: one object of one image.
    public let sample: Sample
    /// The network's input, `[C, S, S]`.
    public let input: Planes
    /// The augmented image at the input's scale, without padding, for drawings.
    public let image: Image
    /// The object's pixels in the input, S x S; those of all classes where several are trained.
    public let object: Mask
    /// The class of each pixel of the input, row by row: 0 for the background, else the place of the
    /// class in ``ExampleTransform/classes``, from 1; nil where one object is trained.
    public let classes: [UInt8]?
    /// The image's part of the input, at the upper left; the rest is padding.
    public let extent: Size
    /// Points and box in pixels of the input.
    public let prompt: Prompt
    /// Index of the fixed variant of the image; nil where each step has a new one.
    public let variant: Int?

    /// The input as a batch of one, `[1, C, S, S]`.
    var inputTensor: Tensor {
        Tensor(input.values, shape: [1, input.channels, input.height, input.width])
    }
}

/// How a sample becomes an example: read, augmented, fitted into the input, given a prompt.
public struct ExampleTransform: Sendable {
    /// Height and width S of the network's input in pixels.
    public let inputSize: Int
    /// How the network's input is made from an image.
    public let preprocessing: Preprocessing
    /// Changes an image together with its label.
    public let augment: @Sendable (inout LabelledImage, inout SampleRandom) -> Void
    /// Number of fixed variants of an image, the first of them not augmented; nil for a new one in
    /// each step.
    public let variants: Int?
    /// What one sample's object is.
    public let objects: ObjectUnit
    /// Values of the classes that are trained at once; nil where a sample is one object.
    public let classes: [Int]?
    /// Share of the examples with interactive prompts whose prompt is on nothing.
    public let nothing: Double
    /// Seed of the run.
    public let seed: UInt64
    /// Reads and decodes the image and label of a sample.
    public let read: @Sendable (Sample) throws -> LabelledImage

    /// - Parameters:
    ///   - inputSize: height and width of the network's input in pixels.
    ///   - preprocessing: how the network's input is made from an image.
    ///   - variants: number of fixed variants of an image; nil for a new one in each step.
    ///   - objects: what one sample's object is.
    ///   - classes: values of the classes that are trained at once; nil where a sample is one object.
    ///   - nothing: share of the examples with interactive prompts whose prompt is on nothing.
    ///   - seed: seed of the run.
    ///   - augment: changes an image together with its label.
    ///   - read: reads and decodes the image and label of a sample.
    public init(
        inputSize: Int, preprocessing: Preprocessing, variants: Int? = nil,
        objects: ObjectUnit = .classes, classes: [Int]? = nil, nothing: Double = 0.1,
        seed: UInt64,
        augment: @escaping @Sendable (inout LabelledImage, inout SampleRandom) -> Void,
        read: @escaping @Sendable (Sample) throws -> LabelledImage
    ) {
        self.inputSize = inputSize
        self.preprocessing = preprocessing
        self.variants = variants
        self.objects = objects
        self.classes = classes
        self.nothing = nothing
        self.seed = seed
        self.augment = augment
        self.read = read
    }

    /// The same transform without fixed variants, for images whose embeddings are not cached.
    public var withoutVariants: ExampleTransform {
        ExampleTransform(
            inputSize: inputSize, preprocessing: preprocessing, objects: objects, classes: classes,
            nothing: nothing, seed: seed, augment: augment, read: read)
    }

    /// The example of a sample in one epoch; the same arguments give the same example.
    ///
    /// - Parameters:
    ///   - sample: one object of one image.
    ///   - epoch: from 0.
    ///   - number: index of the sample in the training set.
    ///   - strategy: how its prompt is made.
    /// - Returns: the augmented example.
    /// - Throws: the error of reading the image.
    public func example(
        of sample: Sample, epoch: Int, number: Int, strategy: PromptStrategy
    ) throws -> Example {
        var random = SampleRandom(seed: seed, epoch, number)
        let variant = variants.map { random.below($0) }
        var labelled = try read(sample)
        if let variant {
            var fixed = SampleRandom(seed: seed, Fingerprint(of: sample.image).streamIndex, variant)
            if variant > 0 { augment(&labelled, &fixed) }
        } else {
            augment(&labelled, &random)
        }
        if classes != nil { return try exampleOfClasses(labelled, sample, variant) }
        let (whole, extent) = try objectInInput(labelled, sample)
        let object = objects == .pieces ? whole.piece(using: &random) : whole
        if case .interactive = strategy, object.area == 0 || random.happens(nothing) {
            let labels = labelsInInput(labelled) { $0 != 0 }.mask.cropped(to: extent)
            if let prompt = PromptSampler.promptOnNothing(besides: labels, using: &random) {
                let nothing = Mask(emptyOf: Size(height: inputSize, width: inputSize))
                return fitted(labelled, sample, variant, nothing, extent, prompt)
            }
        }
        let sampler = PromptSampler(strategy, boxJitter: PromptSampler.trainingBoxJitter)
        let prompt = sampler.prompt(for: object.cropped(to: extent), using: &random)
        return fitted(labelled, sample, variant, object, extent, prompt)
    }

    /// The example of a sample without augmentation and without a prompt, for validation.
    ///
    /// - Parameter sample: one object of one image.
    /// - Returns: the example with an empty prompt.
    /// - Throws: the error of reading the image.
    public func plainExample(of sample: Sample) throws -> Example {
        let labelled = try read(sample)
        let (whole, extent) = try objectInInput(labelled, sample)
        let object = objects == .pieces ? whole.largestComponent() : whole
        return fitted(labelled, sample, variants == nil ? nil : 0, object, extent, Prompt())
    }

    /// The example of an image with the classes of its pixels, without a prompt.
    private func exampleOfClasses(
        _ labelled: LabelledImage, _ sample: Sample, _ variant: Int?
    ) throws -> Example {
        try sample.checkClasses(of: labelled)
        let extent = geometry(of: labelled).resized
        let label = labelled.label.resizedNearest(to: extent)
        var table = [UInt8](repeating: 0, count: 256)
        for (index, value) in (classes ?? []).enumerated() { table[value] = UInt8(index + 1) }
        var values = [UInt8](repeating: 0, count: inputSize * inputSize)
        for y in 0..<label.height {
            for x in 0..<label.width {
                values[y * inputSize + x] = table[Int(label.pixels[y * label.width + x])]
            }
        }
        let all = Mask(width: inputSize, height: inputSize, values: values.map { min($0, 1) })
        return fitted(labelled, sample, variant, all, extent, Prompt(), classes: values)
    }

    /// The object's pixels in the input, and the image's part of the input.
    private func objectInInput(
        _ labelled: LabelledImage, _ sample: Sample
    ) throws -> (object: Mask, extent: Size) {
        try sample.checkClasses(of: labelled)
        let (mask, extent) = labelsInInput(labelled) { Int($0) == sample.label }
        return (mask, extent)
    }

    /// The pixels of some classes in the input, and the image's part of the input.
    private func labelsInInput(
        _ labelled: LabelledImage, _ isWanted: (UInt8) -> Bool
    ) -> (mask: Mask, extent: Size) {
        let extent = geometry(of: labelled).resized
        let label = labelled.label.resizedNearest(to: extent)
        var values = [UInt8](repeating: 0, count: inputSize * inputSize)
        for y in 0..<label.height {
            for x in 0..<label.width where isWanted(label.pixels[y * label.width + x]) {
                values[y * inputSize + x] = 1
            }
        }
        return (Mask(width: inputSize, height: inputSize, values: values), extent)
    }

    private func fitted(
        _ labelled: LabelledImage, _ sample: Sample, _ variant: Int?, _ object: Mask,
        _ extent: Size, _ prompt: Prompt, classes: [UInt8]? = nil
    ) -> Example {
        Example(
            sample: sample, input: geometry(of: labelled).prepare(labelled.image),
            image: labelled.image.resizedLikePillow(to: extent), object: object, classes: classes,
            extent: extent, prompt: prompt, variant: variant)
    }

    private func geometry(of labelled: LabelledImage) -> InputGeometry {
        InputGeometry(
            original: labelled.image.size, inputSize: inputSize, preprocessing: preprocessing)
    }
}

extension Prompt {
    /// The same prompt with its points in a grid that is finer by a factor: centres of the same
    /// pixels.
    func scaled(by factor: Double) -> Prompt {
        func scaled(_ point: PixelPoint) -> PixelPoint {
            PixelPoint(x: (point.x + 0.5) * factor - 0.5, y: (point.y + 0.5) * factor - 0.5)
        }
        return Prompt(
            foregroundPoints: foregroundPoints.map(scaled),
            backgroundPoints: backgroundPoints.map(scaled), box: box, mask: mask)
    }
}

extension Mask {
    /// The upper left part of a mask.
    func cropped(to extent: Size) -> Mask {
        part(in: PixelBox(x0: 0, y0: 0, x1: extent.width, y1: extent.height))
    }

    /// The mask with all pixels outside of its upper left part set to 0.
    func cleared(outside extent: Size) -> Mask {
        let values = values.enumerated().map { index, value in
            index % width < extent.width && index / width < extent.height ? value : 0
        }
        return Mask(width: width, height: height, values: values)
    }
}
