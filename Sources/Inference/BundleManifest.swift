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
        public var kind: ModelArchitecture
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
        /// Multiplications with addition that encoding one image takes, when that is known.
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
        ///   - macs: of encoding one image.
        public init(
            format: Int = Self.currentFormat, name: String, kind: ModelArchitecture, encoder: String,
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

extension ModelBundle.Manifest {
    /// What goes into the encoder.
    public struct Input: Codable, Equatable, Sendable {
        /// Height and width in pixels.
        public var size: Int
        /// 1 for grey, 3 for RGB.
        public var channels: Int
        /// How an image becomes the input.
        public var preprocessing: Preprocessing
        /// The values that black and white become, or lie between.
        public var range: [Double]

        /// An input.
        ///
        /// - Parameters:
        ///   - size: height and width in pixels.
        ///   - channels: 1 for grey, 3 for RGB.
        ///   - preprocessing: how an image becomes the input.
        ///   - range: the values that black and white become, or lie between.
        public init(
            size: Int, channels: Int, preprocessing: Preprocessing, range: [Double] = [0, 1]
        ) {
            self.size = size
            self.channels = channels
            self.preprocessing = preprocessing
            self.range = range
        }

        /// Reads an input; bundles of version 0.1 have `preparation` for `preprocessing`.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            let former = try decoder.container(keyedBy: FormerKeys.self)
            size = try container.decode(Int.self, forKey: .size)
            channels = try container.decode(Int.self, forKey: .channels)
            preprocessing =
                try former.decodeIfPresent(Preprocessing.self, forKey: .preparation)
                ?? container.decode(Preprocessing.self, forKey: .preprocessing)
            range = try container.decode([Double].self, forKey: .range)
        }

        private enum FormerKeys: String, CodingKey {
            case preparation
        }
    }

    /// What comes out of the encoder, `[width, side, side]`.
    public struct Embedding: Codable, Equatable, Sendable {
        /// Numbers for each place, D.
        public var width: Int
        /// Height and width.
        public var side: Int

        /// An embedding.
        ///
        /// - Parameters:
        ///   - width: numbers for each place.
        ///   - side: height and width.
        public init(width: Int, side: Int) {
            self.width = width
            self.side = side
        }
    }

    /// How weights are stored.
    public enum Precision: String, Codable, Sendable, CaseIterable {
        case float32 = "f32"
        case float16Weights = "f16-weights"
        case int8
    }

    /// One of the bundle's files.
    public struct File: Codable, Equatable, Sendable {
        /// Its size.
        public var bytes: Int
        /// Its SHA-256, 64 small hexadecimal digits.
        public var sha256: String

        /// A file.
        ///
        /// - Parameters:
        ///   - bytes: its size.
        ///   - sha256: 64 small hexadecimal digits.
        public init(bytes: Int, sha256: String) {
            self.bytes = bytes
            self.sha256 = sha256
        }
    }

    /// What a bundle was made from.
    public struct Source: Codable, Equatable, Sendable {
        /// The checkpoint's SHA-256.
        public var sha256: String
        /// What made it, with its version.
        public var program: String

        /// A source.
        ///
        /// - Parameters:
        ///   - sha256: the checkpoint's.
        ///   - program: what made it, with its version.
        public init(sha256: String, program: String) {
            self.sha256 = sha256
            self.program = program
        }
    }
}

/// Why a folder cannot be used as a model bundle.
public enum ModelBundleError: Error, Equatable, Sendable {
    case cannotRead(path: String, reason: String)
    case notARegularFile(path: String)
    case manifestTooLarge(bytes: Int, limit: Int)
    case notAManifest(String)
    case unknownFormat(Int)
    case outOfBounds(String)
    case otherSize(file: String, expected: Int, found: Int)
    case otherContent(file: String, expected: String, found: String)
    case externalData(file: String)
    case takesNoPrompts(model: String)
}

extension ModelBundleError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .cannotRead(let path, let reason):
            "'\(path)' of the model bundle cannot be read: \(reason)"
        case .notARegularFile(let path):
            "'\(path)' of the model bundle is not a regular file"
        case .manifestTooLarge(let bytes, let limit):
            "model.json has \(bytes) bytes, more than the \(limit) that any bundle needs"
        case .notAManifest(let reason):
            "model.json is not that of a model bundle: \(reason)"
        case .unknownFormat(let format):
            "model.json is of format \(format), this program knows format "
                + "\(ModelBundle.Manifest.currentFormat): a newer samus may read it"
        case .outOfBounds(let needed):
            "model.json is not that of a model bundle; what is wrong: \(needed)"
        case .otherSize(let file, let expected, let found):
            "'\(file)' has \(found) bytes, model.json says \(expected): the bundle is not whole"
        case .otherContent(let file, let expected, let found):
            "'\(file)' is not the file that model.json names: its SHA-256 is \(found), it should "
                + "be \(expected)"
        case .externalData(let file):
            "'\(file)' names data in another file, which a model bundle cannot: nothing would tell "
                + "whether it changed"
        case .takesNoPrompts(let model):
            "\(model) has no decoder for prompts: it finds its object by itself"
        }
    }
}
