/// What a model is and where it comes from, to be written beside every result of it.
public struct ModelDescription: Equatable, Sendable, Codable {
    /// The sizes of its network.
    public struct Network: Equatable, Sendable, Codable {
        /// The image encoder as people call it: `ViT-B`.
        public var encoder: String
        /// Height and width of its input in pixels.
        public var inputSize: Int
        /// Masks it offers for an ambiguous prompt.
        public var candidates: Int
        /// Its numbers, those that training cannot change left out.
        public var parameters: Int

        /// Sizes.
        ///
        /// - Parameters:
        ///   - encoder: as people call it.
        ///   - inputSize: height and width in pixels.
        ///   - candidates: masks for an ambiguous prompt.
        ///   - parameters: its numbers.
        public init(encoder: String, inputSize: Int, candidates: Int, parameters: Int) {
            self.encoder = encoder
            self.inputSize = inputSize
            self.candidates = candidates
            self.parameters = parameters
        }
    }

    /// The name it was asked for by, or its file's.
    public var name: String
    /// Which network it is.
    public var kind: ModelArchitecture
    /// The network's sizes, when they are known.
    public var network: Network?
    /// SHA-256 of its file, in hexadecimal digits.
    public var sha256: String
    /// The licence of its weights, when it is known.
    public var licence: String?
    /// How the weights came about, as their file states it; "not trained; …" where no training has
    /// seen them.
    public var origin: String?
    /// The kinds of prompt that its file says it was trained with; nil where it does not say.
    public var trainedPrompts: Set<PromptKind>?

    /// A description.
    ///
    /// - Parameters:
    ///   - name: the name it was asked for by, or its file's.
    ///   - kind: which network it is.
    ///   - network: its sizes, when they are known.
    ///   - sha256: of its file, in hexadecimal digits.
    ///   - licence: of its weights, when it is known.
    ///   - origin: how its weights came about, when its file states it.
    ///   - trainedPrompts: the kinds of prompt it was trained with, when its file states them.
    public init(
        name: String, kind: ModelArchitecture, network: Network? = nil, sha256: String, licence: String?,
        origin: String? = nil, trainedPrompts: Set<PromptKind>? = nil
    ) {
        self.name = name
        self.kind = kind
        self.network = network
        self.sha256 = sha256
        self.licence = licence
        self.origin = origin
        self.trainedPrompts = trainedPrompts
    }
}
