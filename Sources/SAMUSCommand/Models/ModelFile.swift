import Checkpoints
import Foundation
import Segmentation

/// A model's file, opened and recognized.
public struct ModelFile {
    let path: String
    /// Its weights.
    public let checkpoint: Checkpoint
    /// What it is and where it comes from.
    public let model: ModelDescription
    let sizes: SAMConfiguration
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
        let kind: ModelKind
        (kind, sizes) = try checkpoint.network(at: path, provider: provider)
        let known = ModelCatalog.entry(sha256: sha256)
        let parameters = checkpoint.parameterCount
        model = ModelDescription(
            name: known?.name ?? URL(fileURLWithPath: path).lastPathComponent, kind: kind,
            network: .init(
                encoder: kind.encoderName(sizes), inputSize: sizes.imageSize,
                candidates: sizes.decoder.candidates, parameters: parameters),
            sha256: sha256, licence: known?.licence ?? checkpoint.statedLicence,
            origin: checkpoint.metadata["samus.origin"],
            trainedPrompts: PromptKind.stated(in: checkpoint.metadata))
        let name = model.name.visibleLine
        notes =
            entry == nil
            ? ["note: \(name) is \(kind.text(sizes)), \(parameters.formatted()) parameters"]
                + model.warnings
            : []
    }
}

extension ModelDescription {
    /// What has to be said before any outline of it.
    var warnings: [String] {
        guard origin?.contains(WeightsRemarks.notTrained) == true else { return [] }
        return [
            "warning: \(name.visibleLine) was started from another network and never trained: "
                + "its outlines mean nothing"
        ]
    }
}

extension Checkpoint {
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
    ) throws(ModelError) -> (ModelKind, SAMConfiguration) {
        guard let kind = ModelKind(names: names) else {
            throw .unknownKind(
                path: path, tensors: names.count, nearest: provider.nearestNetwork(to: self))
        }
        do throws(ConfigurationError) {
            return (kind, try sizes(of: kind))
        } catch {
            throw .noSizes(
                path: path, kind, error,
                nearest: error.isOfTensors ? provider.nearestNetwork(to: self) : nil)
        }
    }
}

extension ConfigurationError {
    /// Whether the tensors are not those of a network, rather than the file's remarks lacking.
    var isOfTensors: Bool {
        switch self {
        case .missing, .misshapen, .outOfProportion, .tooLarge, .incomplete: true
        case .decoderHeadsUnknown, .decoderHeads, .unreadableStatement: false
        }
    }
}
