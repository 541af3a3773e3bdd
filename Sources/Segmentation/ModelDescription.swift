/// A model's name, architecture and origin; written into every result.
public struct ModelDescription: Equatable, Sendable, Codable {
    /// Sizes of a model's network.
    public struct Network: Equatable, Sendable, Codable {
        /// Name of the image encoder, for example `ViT-B`.
        public var encoder: String
        /// Height and width of the input in pixels.
        public var inputSize: Int
        /// Number of candidate masks for an ambiguous prompt.
        public var candidates: Int
        /// Number of trainable parameters.
        public var parameters: Int

        /// Creates the sizes.
        ///
        /// - Parameters:
        ///   - encoder: name of the image encoder.
        ///   - inputSize: height and width in pixels.
        ///   - candidates: number of masks for an ambiguous prompt.
        ///   - parameters: number of trainable parameters.
        public init(encoder: String, inputSize: Int, candidates: Int, parameters: Int) {
            self.encoder = encoder
            self.inputSize = inputSize
            self.candidates = candidates
            self.parameters = parameters
        }
    }

    /// The catalogue name, or the file's name.
    public var name: String
    /// The model's architecture.
    public var architecture: ModelArchitecture
    /// The network's sizes, if known.
    public var network: Network?
    /// SHA-256 of the model's file, in hexadecimal digits.
    public var sha256: String
    /// The licence of the weights, if known.
    public var licence: String?
    /// How the weights were made, as their file states; "not trained; …" for untrained weights.
    public var origin: String?
    /// The training prompts that the weights file states; nil if the file states none.
    public var trainedPrompts: Set<PromptKind>?
    /// Levels of its area intervals; nil where none were measured.
    public var areaLevels: AreaLevels?
    /// The classes that it segments at once, ascending; nil for a model of one object.
    public var classes: [ClassLabel]?

    /// Creates a description.
    ///
    /// - Parameters:
    ///   - name: the catalogue name, or the file's name.
    ///   - architecture: the model's architecture.
    ///   - network: the network's sizes, if known.
    ///   - sha256: SHA-256 of the file, in hexadecimal digits.
    ///   - licence: licence of the weights, if known.
    ///   - origin: how the weights were made, if their file states it.
    ///   - trainedPrompts: the training prompts, if the weights file states them.
    ///   - areaLevels: levels of its area intervals, if they were measured.
    ///   - classes: the classes that it segments at once; nil for a model of one object.
    public init(
        name: String, architecture: ModelArchitecture, network: Network? = nil, sha256: String,
        licence: String?,
        origin: String? = nil, trainedPrompts: Set<PromptKind>? = nil,
        areaLevels: AreaLevels? = nil, classes: [ClassLabel]? = nil
    ) {
        self.name = name
        self.architecture = architecture
        self.network = network
        self.sha256 = sha256
        self.licence = licence
        self.origin = origin
        self.trainedPrompts = trainedPrompts
        self.areaLevels = areaLevels
        self.classes = classes
    }

    private enum CodingKeys: String, CodingKey {
        case architecture = "kind"
        case name, network, sha256, licence, origin, trainedPrompts, areaLevels, classes
    }
}

extension ModelDescription {
    /// The kind of prompt that the model is used and evaluated with by default; nil for a
    /// prompt-free model.
    ///
    /// A click if the model was trained with clicks, else a box. The training prompts are those
    /// that the weights file states, else those of the architecture.
    public var defaultPrompt: PromptKind? {
        guard !architecture.isPromptFree else { return nil }
        let stated = trainedPrompts ?? []
        let trained = stated.isEmpty ? architecture.trainedPrompts : stated
        return trained.contains(.click) ? .click : .box
    }
}
