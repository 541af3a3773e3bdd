import Imaging
import Segmentation
import Ultrasound

/// How samples become what the network sees: augmented, fitted into the input, pointed at.
public struct ExamplePreparation: Sendable {
    /// Height and width of the network's input.
    public let inputSize: Int
    /// How the network wants its input.
    public let preparation: InputPreparation
    /// Changes a picture and its label together.
    public let augment: @Sendable (inout LabelledPicture, inout SampleRandom) -> Void
    /// How many fixed variants of a picture there are, the first of them unchanged; nil where each
    /// epoch has new ones.
    public let variants: Int?
    /// Of the run.
    public let seed: UInt64
    /// Gives decoded pictures.
    public let read: @Sendable (Sample) throws -> LabelledPicture

    /// - Parameters:
    ///   - inputSize: height and width of the network's input.
    ///   - preparation: how the network wants its input.
    ///   - variants: fixed variants of a picture; nil for new ones in each epoch.
    ///   - seed: of the run.
    ///   - augment: changes a picture and its label together.
    ///   - read: gives decoded pictures.
    public init(
        inputSize: Int, preparation: InputPreparation, variants: Int? = nil, seed: UInt64,
        augment: @escaping @Sendable (inout LabelledPicture, inout SampleRandom) -> Void,
        read: @escaping @Sendable (Sample) throws -> LabelledPicture
    ) {
        self.inputSize = inputSize
        self.preparation = preparation
        self.variants = variants
        self.seed = seed
        self.augment = augment
        self.read = read
    }

    /// The same without fixed variants, for pictures whose embeddings are not kept.
    public var withoutVariants: ExamplePreparation {
        ExamplePreparation(
            inputSize: inputSize, preparation: preparation, seed: seed, augment: augment, read: read
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
    /// - Throws: what reading the picture throws.
    public func example(
        of sample: Sample, epoch: Int, number: Int, pointing kind: PromptMix.Kind
    ) throws -> Example {
        var random = SampleRandom(seed: seed, epoch, number)
        let variant = variants.map { random.below($0) }
        var picture = try read(sample)
        if let variant {
            var fixed = SampleRandom(seed: seed, Fingerprint(of: sample.picture).place, variant)
            if variant > 0 { augment(&picture, &fixed) }
        } else {
            augment(&picture, &random)
        }
        return try fitted(picture, sample, variant: variant) { inside, extent in
            kind.prompt(on: inside, within: extent, using: &random)
        }
    }

    /// A sample as it is, without augmentation.
    ///
    /// - Parameters:
    ///   - sample: which object.
    ///   - prompt: points at the object, from its mask in the input and the picture's part of it.
    /// - Returns: the sample as the network sees it.
    /// - Throws: what reading the picture throws.
    public func plainExample(
        of sample: Sample, prompt: (Mask, Size) -> Prompt
    ) throws -> Example {
        try fitted(
            try read(sample), sample, variant: variants == nil ? nil : 0, prompt: prompt)
    }

    private func fitted(
        _ picture: LabelledPicture, _ sample: Sample, variant: Int?,
        prompt: (Mask, Size) -> Prompt
    ) throws -> Example {
        try sample.checkClasses(of: picture)
        let geometry = InputGeometry(
            original: picture.image.size, inputSize: inputSize, preparation: preparation)
        let label = picture.label.resizedNearest(to: geometry.resized)
        var values = [UInt8](repeating: 0, count: inputSize * inputSize)
        for y in 0..<label.height {
            for x in 0..<label.width where Int(label.pixels[y * label.width + x]) == sample.label {
                values[y * inputSize + x] = 1
            }
        }
        let inside = Mask(width: inputSize, height: inputSize, values: values)
        return Example(
            sample: sample, input: geometry.prepare(picture.image),
            picture: picture.image.resizedLikePillow(to: geometry.resized), inside: inside,
            extent: geometry.resized, prompt: prompt(inside, geometry.resized), variant: variant)
    }
}
