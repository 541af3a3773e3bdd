/// A model and its origin, written with every result.
public struct ModelDescription: Equatable, Sendable, Codable {
    /// The sizes of its network.
    public struct Network: Equatable, Sendable, Codable {
        /// The usual name of the image encoder: `ViT-B`.
        public var encoder: String
        /// Height and width of its input in pixels.
        public var inputSize: Int
        /// Number of masks for an ambiguous prompt.
        public var candidates: Int
        /// Number of weights, without buffers.
        public var parameters: Int

        /// Sizes.
        ///
        /// - Parameters:
        ///   - encoder: the usual name of the image encoder.
        ///   - inputSize: height and width in pixels.
        ///   - candidates: number of masks for an ambiguous prompt.
        ///   - parameters: number of weights, without buffers.
        public init(encoder: String, inputSize: Int, candidates: Int, parameters: Int) {
            self.encoder = encoder
            self.inputSize = inputSize
            self.candidates = candidates
            self.parameters = parameters
        }
    }

    /// The name in the catalog, or the file's name.
    public var name: String
    /// The architecture.
    public var kind: ModelArchitecture
    /// The network's sizes, when they are known.
    public var network: Network?
    /// SHA-256 of its file, in hexadecimal digits.
    public var sha256: String
    /// The licence of its weights, when it is known.
    public var licence: String?
    /// Origin of the weights, as their file states it; "not trained; …" for untrained weights.
    public var origin: String?
    /// The kinds of prompt in training, as the file states them; nil where it does not.
    public var trainedPrompts: Set<PromptKind>?

    /// A description.
    ///
    /// - Parameters:
    ///   - name: the name in the catalog, or the file's name.
    ///   - kind: the architecture.
    ///   - network: the network's sizes, when they are known.
    ///   - sha256: SHA-256 of the file, in hexadecimal digits.
    ///   - licence: licence of the weights, when it is known.
    ///   - origin: origin of the weights, when the file states it.
    ///   - trainedPrompts: the kinds of prompt in training, when the file states them.
    public init(
        name: String, kind: ModelArchitecture, network: Network? = nil, sha256: String,
        licence: String?, origin: String? = nil, trainedPrompts: Set<PromptKind>? = nil
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
