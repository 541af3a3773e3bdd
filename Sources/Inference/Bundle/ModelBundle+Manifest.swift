import Segmentation

extension ModelBundle {
    /// What `model.json` says.
    public struct Manifest: Codable, Equatable, Sendable {
        /// The format that this program writes and reads.
        public static let currentFormat = 1

        /// The format's number.
        public var format: Int
        /// The model's name, as the folder's without `.samus`.
        public var name: String
        /// Which network it is.
        public var kind: ModelKind
        /// The image encoder as people call it: `ViT-B`.
        public var encoder: String
        /// The network's numbers, those that training cannot change left out.
        public var parameters: Int
        /// Masks it offers for an ambiguous prompt.
        public var candidates: Int
        /// What goes into the encoder.
        public var input: Input
        /// What comes out of it.
        public var embedding: Embedding
        /// The kinds of prompt that the decoder takes.
        public var prompts: [PromptKind]
        /// The kinds of prompt it was trained with, when that is known.
        public var trainedPrompts: [PromptKind]?
        /// Names of what it was trained to outline, when they are known.
        public var classes: [String]
        /// How weights are stored.
        public var precision: Precision
        /// The bundle's other files, by name.
        public var files: [String: File]
        /// What it was made from.
        public var source: Source
        /// The licence of the weights, when it is known.
        public var licence: String?
        /// How the weights came about, when that is known.
        public var origin: String?
        /// "research use only, not a medical device".
        public var notice: String
        /// Multiplications with addition that encoding one picture takes, when that is known.
        public var macs: Int?

        /// A manifest.
        ///
        /// - Parameters:
        ///   - format: the format's number.
        ///   - name: the model's name.
        ///   - kind: which network it is.
        ///   - encoder: as people call it.
        ///   - parameters: the network's numbers.
        ///   - candidates: masks for an ambiguous prompt.
        ///   - input: what goes into the encoder.
        ///   - embedding: what comes out of it.
        ///   - prompts: that the decoder takes.
        ///   - trainedPrompts: that it was trained with.
        ///   - classes: of what it outlines.
        ///   - precision: how weights are stored.
        ///   - files: by name.
        ///   - source: what it was made from.
        ///   - licence: of the weights.
        ///   - origin: how the weights came about.
        ///   - notice: what it is not for.
        ///   - macs: of encoding one picture.
        public init(
            format: Int = Self.currentFormat, name: String, kind: ModelKind, encoder: String,
            parameters: Int, candidates: Int, input: Input, embedding: Embedding,
            prompts: [PromptKind], trainedPrompts: [PromptKind]? = nil, classes: [String] = [],
            precision: Precision, files: [String: File], source: Source, licence: String? = nil,
            origin: String? = nil, notice: String, macs: Int? = nil
        ) {
            self.format = format
            self.name = name
            self.kind = kind
            self.encoder = encoder
            self.parameters = parameters
            self.candidates = candidates
            self.input = input
            self.embedding = embedding
            self.prompts = prompts
            self.trainedPrompts = trainedPrompts
            self.classes = classes
            self.precision = precision
            self.files = files
            self.source = source
            self.licence = licence
            self.origin = origin
            self.notice = notice
            self.macs = macs
        }
    }
}
