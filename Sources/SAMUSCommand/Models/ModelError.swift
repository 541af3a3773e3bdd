import Checkpoints
import Inference
import Segmentation

/// Why a model cannot be used.
public enum ModelError: Error, Equatable {
    case notFound(String)
    case notInstalled(String, looked: [String])
    case unreadable(path: String, CheckpointError)
    case unknownKind(path: String, tensors: Int, nearest: String?)
    case noSizes(path: String, ModelKind, ConfigurationError, nearest: String?)
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
            "there is no model and no file '\(name)'; known by name: \(ModelCatalog.names)"
        case .notInstalled(let name, let looked):
            "the weights of '\(name)' are not here: run 'make setup' in the checkout, or name the "
                + "folder that has them in SAMUS_MODELS (looked in \(looked.joined(separator: ", ")))"
        case .unreadable(let path, let error):
            "the model '\(path)' cannot be read: \(error)"
        case .unknownKind(let path, 0, _):
            "'\(path)' holds no tensors"
        case .unknownKind(let path, let tensors, let nearest):
            "'\(path)' holds \(tensors) tensors, but not those of a network this program knows: "
                + ModelKind.allCases.map(\.rawValue).joined(separator: ", ")
                + Self.nearest(nearest)
        case .noSizes(let path, let kind, let error, let nearest):
            "'\(path)' looks like \(kind.rawValue), but \(error)"
                + (error.isOfTensors ? Self.nearest(nearest) : "")
        case .otherContent(let path, let name, let expected, let found):
            "'\(path)' is not '\(name)': its SHA-256 is \(found), it should be \(expected); "
                + "delete it and run 'make setup', or give the file itself to --model"
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
