import Checkpoints
import SegmentAnything
import Segmentation
import TorchEngine

/// A network that starts from a checkpoint: loaded as it is, or initialized from weights of another
/// architecture, without its adapter or for another input size.
struct StartedNetwork {
    let network: any SegmentationNetwork
    let architecture: ModelArchitecture
    let configuration: ModelConfiguration
    /// Whether every weight was loaded as it is.
    let isLoaded: Bool

    /// - Parameters:
    ///   - architecture: the architecture; nil for that of the checkpoint.
    ///   - configuration: the network's sizes; nil for those that follow from the checkpoint's.
    ///   - checkpoint: the weights.
    ///   - adapter: the adapter; nil for that of the checkpoint, or the architecture's own.
    ///   - method: the method that needs the adapter, for messages.
    ///   - inputSize: height and width of the input; nil for that of the checkpoint, or the
    ///     architecture's own.
    ///   - seed: seed of the weights that the checkpoint does not have.
    /// - Throws: `TrainingError.start` where these do not go together, and the errors of loading.
    init(
        _ architecture: ModelArchitecture?, _ configuration: ModelConfiguration?,
        from checkpoint: Checkpoint, adapter: EncoderAdapter?, method: AdapterMethod?,
        inputSize: Int?, seed: UInt64
    ) throws {
        guard let found = checkpoint.architecture else {
            throw TrainingError.start(
                "'\(checkpoint.path)' is not a network that this program knows")
        }
        let architecture = architecture ?? found
        guard architecture == found || architecture.startsFrom.contains(found) else {
            throw TrainingError.start(
                "\(architecture.rawValue) cannot start from \(found.rawValue) ('\(checkpoint.path)'); "
                    + "--decoder-from takes its mask decoder alone")
        }
        if let method { try Self.check(method, architecture) }
        let own = try checkpoint.configuration(of: found)
        var sizes =
            configuration
            ?? (architecture == found
                ? own
                : NetworkRegistry.configuration(of: architecture, startingFrom: own, of: found))
        if let adapter {
            if architecture == found, let present = own.adapter, present != adapter {
                throw TrainingError.start(
                    "'\(checkpoint.path)' has \(present.text), and \(adapter.text) is to be trained: "
                        + "start from weights without an adapter, or give the --adapter and --lora-rank of these"
                )
            }
            sizes = sizes.adapted(by: adapter)
        }
        if let inputSize { try sizes.setInputSize(inputSize, of: architecture) }
        try sizes.checkGrid()
        self.architecture = architecture
        self.configuration = sizes
        isLoaded = architecture == found && sizes == own
        network =
            isLoaded
            ? try NetworkRegistry.load(architecture, from: checkpoint).network
            : try NetworkRegistry.start(
                architecture, from: found, checkpoint: checkpoint, configuration: sizes, seed: seed
            ).network
    }

    private static func check(
        _ method: AdapterMethod, _ architecture: ModelArchitecture
    ) throws(TrainingError) {
        guard !architecture.adapters.isEmpty else {
            throw .start(
                "--adapter \(method.rawValue): \(architecture.rawValue) takes no adapter; "
                    + ModelArchitecture.adaptable.map(\.rawValue).joined(separator: ", ") + " do")
        }
        guard architecture.adapters.contains(method) else {
            throw .start(
                "--adapter \(method.rawValue): the image encoder of \(architecture.rawValue) takes "
                    + architecture.adapters.map(\.rawValue).joined(separator: ", "))
        }
    }
}

extension ModelConfiguration {
    /// Changes the input's height and width.
    ///
    /// - Throws: `TrainingError.start` for a network whose input size is fixed.
    fileprivate mutating func setInputSize(
        _ size: Int, of architecture: ModelArchitecture
    ) throws(TrainingError) {
        guard architecture.takesInputSizes, case .sam(var sizes) = self else {
            guard size == inputSize else {
                throw .start(
                    "--input-size \(size): \(architecture.rawValue) has an input of \(inputSize) "
                        + "pixels here")
            }
            return
        }
        sizes.imageSize = size
        self = .sam(sizes)
    }

    /// Refuses convolutional adapters on a grid that halving and doubling do not keep.
    fileprivate func checkGrid() throws(TrainingError) {
        guard adapter == .convolution, inputSize % 32 != 0 else { return }
        throw .start(
            "convolutional adapters need an input whose side is a multiple of 32, not \(inputSize)")
    }
}
