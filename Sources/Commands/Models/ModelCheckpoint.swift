import Checkpoints
import FileIO
import Foundation
import Inference
import Segmentation

/// A model's file, opened and recognized.
public struct ModelCheckpoint {
    let path: String
    /// Its weights.
    public let checkpoint: Checkpoint
    /// What it is and where it comes from.
    public let model: ModelDescription
    let configuration: ModelConfiguration
    /// What to say about a file that nobody vouched for: what it was taken for, and whether its
    /// weights were ever trained.
    public let notes: [String]

    /// Opens a model.
    ///
    /// A model asked for by name must be that model to the bit.
    ///
    /// - Parameters:
    ///   - nameOrFile: a name of the catalog, or a path.
    ///   - provider: knows what a file comes nearest to that is none of the networks.
    /// - Throws: ``ModelError`` with what is wrong with it.
    public init(_ nameOrFile: String, provider: any EngineProvider) throws(ModelError) {
        path = try ModelCatalog.path(of: nameOrFile)
        let sha256: String
        do throws(CheckpointError) {
            checkpoint = try Checkpoint.read(path)
            sha256 = try checkpoint.sha256
        } catch {
            throw .unreadable(path: path, error)
        }
        let entry = ModelCatalog.entries.first { $0.name == nameOrFile }
        if let entry, entry.sha256 != sha256 {
            throw ModelError.otherContent(
                path: path, name: entry.name, expected: entry.sha256, found: sha256)
        }
        let architecture: ModelArchitecture
        (architecture, configuration) = try checkpoint.network(at: path, provider: provider)
        let classes: [ClassLabel]?
        do throws(ConfigurationError) {
            classes = try checkpoint.classes(of: configuration)
        } catch {
            throw .noSizes(path: path, architecture, error, nearest: nil)
        }
        let known = ModelCatalog.entry(sha256: sha256)
        let parameters = checkpoint.parameterCount
        model = ModelDescription(
            name: known?.name ?? URL(fileURLWithPath: path).lastPathComponent,
            architecture: architecture,
            network: .init(
                encoder: configuration.encoderName, inputSize: configuration.inputSize,
                candidates: configuration.candidates, parameters: parameters),
            sha256: sha256, licence: known?.licence ?? checkpoint.statedLicence,
            origin: checkpoint.metadata["samus.origin"],
            trainedPrompts: PromptKind.stated(in: checkpoint.metadata), classes: classes)
        let name = model.name.visibleLine
        notes =
            entry == nil
            ? [
                "note: \(name) is \(architecture.text(configuration)), \(parameters.formatted()) parameters"
            ]
                + model.licenceNotes + model.warnings
            : model.licenceNotes
    }
}

extension ModelCatalog {
    /// Hints at another model of the catalogue that suits a prompt better.
    ///
    /// - Parameters:
    ///   - prompt: the prompt on the command line.
    ///   - model: the chosen model.
    /// - Returns: one sentence for each hint.
    static func hints(about prompt: Prompt, to model: ModelDescription) -> [String] {
        // A bundle has a SHA-256 of its own: compare the name too.
        guard model.sha256 == liteMedSAM.sha256 || model.name == liteMedSAM.name, prompt.box == nil,
            !prompt.foregroundPoints.isEmpty
        else {
            return []
        }
        return ["--model \(standard.name) was trained with clicks"]
    }

    /// The checkpoint that a name or path means.
    ///
    /// - Parameter nameOrFile: a model's name, or the path of a checkpoint or of a bundle.
    /// - Returns: path of an existing file; of a bundle, its weights.
    /// - Throws: ``ModelError`` if there is no such file.
    package static func path(of nameOrFile: String) throws(ModelError) -> String {
        guard let entry = entry(named: nameOrFile) else {
            if ModelBundle.isBundle(nameOrFile) {
                let bundle = URL(fileURLWithPath: nameOrFile)
                return bundle.appendingPathComponent(ModelBundle.Manifest.FileName.weights).path
            }
            guard FileManager.default.fileExists(atPath: nameOrFile) else {
                throw .notFound(nameOrFile)
            }
            return nameOrFile
        }
        guard let found = checkpoint(of: entry) else {
            throw .notInstalled(entry.name, looked: folders.map(\.path))
        }
        return found
    }
}

extension ModelDescription {
    /// That a licence does not allow commercial use.
    var licenceNotes: [String] {
        guard let licence,
            licence.uppercased().split(whereSeparator: { !$0.isLetter }).contains("NC")
        else { return [] }
        return [
            "note: \(name.visibleLine) is licensed for non-commercial use only "
                + "(\(licence.visibleLine))"
        ]
    }

    /// What has to be said before any outline of it.
    var warnings: [String] {
        guard origin?.contains(WeightsMetadata.notTrained) == true else { return [] }
        return [
            "warning: \(name.visibleLine) has initial weights and was never trained: its "
                + "outlines are meaningless"
        ]
    }
}

extension Checkpoint {
    /// Whether it is the `state.safetensors` of a training, with the state of the optimizer.
    var isTrainingState: Bool { metadata["samus.training.progress"] != nil }

    /// The licence that a file's own remarks state.
    var statedLicence: String? {
        metadata["license"] ?? metadata["licence"]
    }

    /// The network it belongs to and its sizes.
    ///
    /// - Parameters:
    ///   - path: what to call it in an error.
    ///   - provider: knows what a file comes nearest to that is none of the networks.
    /// - Returns: both.
    /// - Throws: ``ModelError``.
    func network(
        at path: String, provider: any EngineProvider
    ) throws(ModelError) -> (ModelArchitecture, ModelConfiguration) {
        guard let architecture = self.architecture else {
            throw .unknownKind(
                path: path, tensors: names.count, nearest: provider.nearestNetwork(to: self))
        }
        do throws(ConfigurationError) {
            return (architecture, try configuration(of: architecture))
        } catch {
            throw .noSizes(
                path: path, architecture, error,
                nearest: error.isOfTensors ? provider.nearestNetwork(to: self) : nil)
        }
    }
}

extension ConfigurationError {
    /// Whether the tensors are not those of a network, rather than the file's remarks lacking.
    var isOfTensors: Bool {
        switch self {
        case .missing, .unexpectedShape, .outOfProportion, .tooLarge, .incomplete: true
        case .decoderHeadsUnknown, .decoderHeads, .unreadableStatement, .severalClasses, .classes:
            false
        }
    }
}

/// Why a model cannot be used.
public enum ModelError: Error, Equatable {
    case notFound(String)
    case notInstalled(String, looked: [String])
    case unreadable(path: String, CheckpointError)
    case unknownKind(path: String, tensors: Int, nearest: String?)
    case noSizes(path: String, ModelArchitecture, ConfigurationError, nearest: String?)
    case otherContent(path: String, name: String, expected: String, found: String)
    case unreadableBundle(path: String, ModelBundleError)
    case otherBundle(path: String, name: String, expected: String, found: String)
    case deviceOfCheckpoints(path: String, device: String)
}

extension ModelError: CustomStringConvertible {
    /// What is wrong, and which network comes nearest where it is none.
    public var description: String {
        switch self {
        case .notFound(let name):
            "there is no model and no file '\(name)'; the models with a name are "
                + ModelCatalog.names
        case .notInstalled(let name, let looked):
            "the model '\(name)' is not installed with this program: set SAMUS_MODELS to a folder "
                + "with \(name).samus, name a model with --model, or run 'make setup' in the "
                + "checkout (searched \(looked.joined(separator: ", ")))"
        case .unreadable(let path, let error):
            "the model '\(path)' cannot be read: \(error)"
        case .unknownKind(let path, 0, _):
            "'\(path)' contains no tensors"
        case .unknownKind(let path, let tensors, let nearest):
            "the \(tensors) tensors of '\(path)' do not belong to a known architecture: "
                + ModelArchitecture.all.map(\.rawValue).joined(separator: ", ")
                + Self.nearest(nearest)
        case .noSizes(let path, let architecture, let error, let nearest):
            "'\(path)' looks like \(architecture.rawValue), but \(error)"
                + (error.isOfTensors ? Self.nearest(nearest) : "")
        case .otherContent(let path, let name, let expected, let found):
            "'\(path)' is not '\(name)': its SHA-256 is \(found), it should be \(expected); "
                + "delete it and run 'make setup', or give its path to --model"
        case .unreadableBundle(let path, let error):
            "the model bundle '\(path)' cannot be used: \(error)"
        case .otherBundle(let path, let name, let expected, let found):
            "the model bundle '\(path)' is not '\(name)': it was made from a checkpoint with SHA-256 "
                + "\(found), it should be \(expected); delete it, or give its path to --model"
        case .deviceOfCheckpoints(let path, let device):
            "'\(path)' is a model bundle and runs on OpenVINO: --device cpu, gpu, npu or auto, not "
                + device
        }
    }

    private static func nearest(_ network: String?) -> String {
        network.map { "\nnearest to \($0)" } ?? "\nit has nothing in common with any of them"
    }
}

/// A network's first weights, and where each comes from.
public struct InitialWeights {
    /// The network's sizes.
    public let configuration: ModelConfiguration
    /// All weights, in the network's order.
    public let tensors: [(name: String, tensor: StoredTensor)]
    /// Names taken as they were.
    public let taken: [String]
    /// Names taken and resized.
    public let resized: [String]
    /// Names that have new values.
    public let new: [String]
    /// Names of the source that the network has no place for.
    public let unused: [String]

    /// Weights.
    ///
    /// - Parameters:
    ///   - configuration: the network's sizes.
    ///   - tensors: all weights, in the network's order.
    ///   - taken: names taken as they were.
    ///   - resized: names taken and resized.
    ///   - new: names that have new values.
    ///   - unused: names of the source that are not used.
    public init(
        configuration: ModelConfiguration, tensors: [(name: String, tensor: StoredTensor)],
        taken: [String], resized: [String], new: [String], unused: [String]
    ) {
        self.configuration = configuration
        self.tensors = tensors
        self.taken = taken
        self.resized = resized
        self.new = new
        self.unused = unused
    }
}
