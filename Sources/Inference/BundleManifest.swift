import Segmentation

extension ModelBundle {
    /// The content of `model.json`.
    package struct Manifest: Codable, Equatable, Sendable {
        /// The format version that this program writes; earlier versions are read too.
        package static let currentFormat = 2

        /// Version of the file format.
        package var formatVersion: Int
        /// The model's name: the folder's name without `.samus`.
        package var name: String
        /// The model's architecture.
        package var architecture: ModelArchitecture
        /// Name of the image encoder, for example `ViT-B`.
        package var encoder: String
        /// Number of trainable parameters.
        package var parameters: Int
        /// Number of candidate masks for an ambiguous prompt.
        package var candidates: Int
        /// The encoder's input.
        package var input: Input
        /// The encoder's output.
        package var embedding: Embedding
        /// The kinds of prompt that the decoder takes.
        package var prompts: [PromptKind]
        /// The kinds of prompt that the model was trained with, if known.
        package var trainedPrompts: [PromptKind]?
        /// Levels of the model's area intervals, if they were measured.
        package var areaLevels: AreaLevels?
        /// Names of the objects that the model was trained to segment, if known.
        package var classes: [String]
        /// The values of the classes in labels, where the model segments several classes at once.
        package var classValues: [Int]?
        /// Number format of the stored weights.
        package var precision: Precision
        /// The bundle's other files, by name.
        package var files: [String: File]
        /// The checkpoint and the program that the bundle was made from.
        package var source: Source
        /// The licence of the weights, if known.
        package var licence: String?
        /// How the weights were made, if known.
        package var origin: String?
        /// "research use only, not a medical device".
        package var notice: String
        /// Multiply-add operations for encoding one image, if known.
        package var macs: Int?

        /// Creates a manifest.
        ///
        /// - Parameters:
        ///   - formatVersion: version of the file format.
        ///   - name: the model's name.
        ///   - architecture: the model's architecture.
        ///   - encoder: name of the image encoder.
        ///   - parameters: number of trainable parameters.
        ///   - candidates: number of masks for an ambiguous prompt.
        ///   - input: the encoder's input.
        ///   - embedding: the encoder's output.
        ///   - prompts: kinds of prompt that the decoder takes.
        ///   - trainedPrompts: kinds of prompt that the model was trained with.
        ///   - areaLevels: levels of the model's area intervals.
        ///   - classes: names of the objects.
        ///   - classValues: values of the classes, where several are segmented at once.
        ///   - precision: number format of the stored weights.
        ///   - files: the bundle's other files, by name.
        ///   - source: the checkpoint and the program.
        ///   - licence: licence of the weights.
        ///   - origin: how the weights were made.
        ///   - notice: the research notice.
        ///   - macs: multiply-add operations for encoding one image.
        package init(
            formatVersion: Int = Self.currentFormat, name: String, architecture: ModelArchitecture,
            encoder: String,
            parameters: Int, candidates: Int, input: Input, embedding: Embedding,
            prompts: [PromptKind], trainedPrompts: [PromptKind]? = nil,
            areaLevels: AreaLevels? = nil, classes: [String] = [], classValues: [Int]? = nil,
            precision: Precision, files: [String: File], source: Source, licence: String? = nil,
            origin: String? = nil, notice: String, macs: Int? = nil
        ) {
            self.formatVersion = formatVersion
            self.name = name
            self.architecture = architecture
            self.encoder = encoder
            self.parameters = parameters
            self.candidates = candidates
            self.input = input
            self.embedding = embedding
            self.prompts = prompts
            self.trainedPrompts = trainedPrompts
            self.areaLevels = areaLevels
            self.classes = classes
            self.classValues = classValues
            self.precision = precision
            self.files = files
            self.source = source
            self.licence = licence
            self.origin = origin
            self.notice = notice
            self.macs = macs
        }

        private enum CodingKeys: String, CodingKey {
            case formatVersion = "format_version"
            case trainedPrompts = "trained_prompts"
            case areaLevels = "area_levels"
            case classValues = "class_values"
            case architecture = "kind"
            case name, encoder, parameters, candidates, input, embedding, prompts, classes
            case precision, files, source, licence, origin, notice, macs
        }
    }
}

extension ModelBundle.Manifest {
    /// The classes that the model segments at once; nil for a model of one object.
    package var classLabels: [ClassLabel]? {
        classValues.map { zip($0, classes).map { ClassLabel(value: $0, name: $1) } }
    }

    /// Masks of the decoder that takes no prompt: one, or the background and each class.
    package var promptFreeMasks: Int { classValues.map { $0.count + 1 } ?? 1 }

    /// The encoder's input.
    package struct Input: Codable, Equatable, Sendable {
        /// Height and width in pixels.
        package var size: Int
        /// 1 for grey, 3 for RGB.
        package var channels: Int
        /// How an image is converted into the input.
        package var preprocessing: Preprocessing
        /// Lowest and highest value of the input.
        package var range: [Double]

        /// Creates the description of an input.
        ///
        /// - Parameters:
        ///   - size: height and width in pixels.
        ///   - channels: 1 for grey, 3 for RGB.
        ///   - preprocessing: how an image is converted into the input.
        ///   - range: lowest and highest value.
        package init(
            size: Int, channels: Int, preprocessing: Preprocessing, range: [Double] = [0, 1]
        ) {
            self.size = size
            self.channels = channels
            self.preprocessing = preprocessing
            self.range = range
        }
    }

    /// The encoder's output, `[width, side, side]`.
    package struct Embedding: Codable, Equatable, Sendable {
        /// Number of channels, D.
        package var width: Int
        /// Height and width.
        package var side: Int

        /// Creates the description of an embedding.
        ///
        /// - Parameters:
        ///   - width: number of channels.
        ///   - side: height and width.
        package init(width: Int, side: Int) {
            self.width = width
            self.side = side
        }
    }

    /// Number format of the stored weights.
    package enum Precision: String, Codable, Sendable, CaseIterable {
        case float32 = "f32"
        case float16Weights = "f16-weights"
        case int8
    }

    /// One of the bundle's files.
    package struct File: Codable, Equatable, Sendable {
        /// Size in bytes.
        package var bytes: Int
        /// SHA-256, 64 lower-case hexadecimal digits.
        package var sha256: String

        /// Creates the description of a file.
        ///
        /// - Parameters:
        ///   - bytes: size in bytes.
        ///   - sha256: 64 lower-case hexadecimal digits.
        package init(bytes: Int, sha256: String) {
            self.bytes = bytes
            self.sha256 = sha256
        }
    }

    /// The checkpoint and the program that a bundle was made from.
    package struct Source: Codable, Equatable, Sendable {
        /// SHA-256 of the checkpoint.
        package var sha256: String
        /// Name and version of the program that wrote the bundle.
        package var program: String

        /// Creates the description of a source.
        ///
        /// - Parameters:
        ///   - sha256: SHA-256 of the checkpoint.
        ///   - program: name and version of the program.
        package init(sha256: String, program: String) {
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
    case invalidValue(String)
    case sizeMismatch(file: String, expected: Int, found: Int)
    case contentMismatch(file: String, expected: String, found: String)
    case externalData(file: String)
    case noPrompts(model: String)
}

extension ModelBundleError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .cannotRead(let path, let reason):
            "the model bundle's file '\(path)' cannot be read: \(reason)"
        case .notARegularFile(let path):
            "the model bundle's file '\(path)' is not a regular file"
        case .manifestTooLarge(let bytes, let limit):
            "model.json has \(bytes) bytes; at most \(limit) are read"
        case .notAManifest(let reason):
            "model.json does not describe a model bundle: \(reason)"
        case .unknownFormat(let format):
            "model.json has format version \(format); this program reads versions 1 to "
                + "\(ModelBundle.Manifest.currentFormat): use a newer samus"
        case .invalidValue(let requirement):
            "model.json has an invalid value: \(requirement)"
        case .sizeMismatch(let file, let expected, let found):
            "'\(file)' has \(found) bytes, but model.json states \(expected): the bundle is "
                + "incomplete or damaged"
        case .contentMismatch(let file, let expected, let found):
            "'\(file)' has SHA-256 \(found), but model.json states \(expected): the file is "
                + "damaged or was replaced"
        case .externalData(let file):
            "'\(file)' refers to weights in another file: the graphs of a bundle may refer to "
                + "\(ModelBundle.Manifest.FileName.weights) only, which model.json must list"
        case .noPrompts(let model):
            "\(model) is a prompt-free model and takes no prompts"
        }
    }
}
