import Datasets
import Imaging
import Segmentation

/// One sample as the network sees it in one step.
public struct Example: Sendable {
    /// Which object.
    public let sample: Sample
    /// The network's input, `[C, S, S]`.
    public let input: Planes
    /// The augmented image inside the input, without padding, to be looked at.
    public let image: Image
    /// The object in the input's frame, S x S.
    public let inside: Mask
    /// The image's part of the input; the rest is padding.
    public let extent: Size
    /// Clicks and box in pixels of the input.
    public let prompt: Prompt
    /// Which of an image's fixed variants it is; nil where each step has another.
    public let variant: Int?
}

/// How samples become what the network sees: augmented, fitted into the input, pointed at.
public struct ExamplePreparation: Sendable {
    /// Height and width of the network's input.
    public let inputSize: Int
    /// How the network wants its input.
    public let preprocessing: Preprocessing
    /// Changes an image and its label together.
    public let augment: @Sendable (inout LabelledImage, inout SampleRandom) -> Void
    /// How many fixed variants of an image there are, the first of them unchanged; nil where each
    /// epoch has new ones.
    public let variants: Int?
    /// Of the run.
    public let seed: UInt64
    /// Gives decoded images.
    public let read: @Sendable (Sample) throws -> LabelledImage

    /// - Parameters:
    ///   - inputSize: height and width of the network's input.
    ///   - preprocessing: how the network wants its input.
    ///   - variants: fixed variants of an image; nil for new ones in each epoch.
    ///   - seed: of the run.
    ///   - augment: changes an image and its label together.
    ///   - read: gives decoded images.
    public init(
        inputSize: Int, preprocessing: Preprocessing, variants: Int? = nil, seed: UInt64,
        augment: @escaping @Sendable (inout LabelledImage, inout SampleRandom) -> Void,
        read: @escaping @Sendable (Sample) throws -> LabelledImage
    ) {
        self.inputSize = inputSize
        self.preprocessing = preprocessing
        self.variants = variants
        self.seed = seed
        self.augment = augment
        self.read = read
    }

    /// The same without fixed variants, for images whose embeddings are not kept.
    public var withoutVariants: ExamplePreparation {
        ExamplePreparation(
            inputSize: inputSize, preprocessing: preprocessing, seed: seed, augment: augment,
            read: read
        )
    }

    /// A sample as it is in one epoch; the same for the same numbers.
    ///
    /// - Parameters:
    ///   - sample: which object.
    ///   - epoch: from 0.
    ///   - number: of the sample among all.
    ///   - kind: how the object is pointed at.
    /// - Returns: the sample as the network sees it.
    /// - Throws: what reading the image throws.
    public func example(
        of sample: Sample, epoch: Int, number: Int, pointing kind: PromptStrategy
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
        return try fitted(labelled, sample, variant: variant) { inside, extent in
            kind.prompt(on: inside, within: extent, using: &random)
        }
    }

    /// A sample as it is, without augmentation.
    ///
    /// - Parameters:
    ///   - sample: which object.
    ///   - prompt: points at the object, from its mask in the input and the image's part of it.
    /// - Returns: the sample as the network sees it.
    /// - Throws: what reading the image throws.
    public func plainExample(
        of sample: Sample, prompt: (Mask, Size) -> Prompt
    ) throws -> Example {
        try fitted(
            try read(sample), sample, variant: variants == nil ? nil : 0, prompt: prompt)
    }

    private func fitted(
        _ labelled: LabelledImage, _ sample: Sample, variant: Int?,
        prompt: (Mask, Size) -> Prompt
    ) throws -> Example {
        try sample.checkClasses(of: labelled)
        let geometry = InputGeometry(
            original: labelled.image.size, inputSize: inputSize, preprocessing: preprocessing)
        let label = labelled.label.resizedNearest(to: geometry.resized)
        var values = [UInt8](repeating: 0, count: inputSize * inputSize)
        for y in 0..<label.height {
            for x in 0..<label.width where Int(label.pixels[y * label.width + x]) == sample.label {
                values[y * inputSize + x] = 1
            }
        }
        let inside = Mask(width: inputSize, height: inputSize, values: values)
        return Example(
            sample: sample, input: geometry.prepare(labelled.image),
            image: labelled.image.resizedLikePillow(to: geometry.resized), inside: inside,
            extent: geometry.resized, prompt: prompt(inside, geometry.resized), variant: variant)
    }
}
