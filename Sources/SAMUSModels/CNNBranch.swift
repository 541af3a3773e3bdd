import Torch
import TorchNN

/// Local features beside the vision transformer: the *CNN branch* of SAMUS (arXiv:2309.06824).
///
/// One convolution at the picture's size, then three that halve it.
final class CNNBranch: Module, Layer {
    let inc: SingleConvolution
    let downs: [DownConvolution]

    /// - Parameter width: channels of the result, D.
    init(width: Int) {
        inc = SingleConvolution(3, 64)
        downs = [
            DownConvolution(64, 128), DownConvolution(128, 256), DownConvolution(256, width),
        ]
    }

    /// - Parameter pictures: `[B, 3, S, S]`, or `[B, 1, S, S]` for three equal channels.
    /// - Returns: features, `[B, D, S / 8, S / 8]`.
    func callAsFunction(_ pictures: Tensor) -> Tensor {
        callAsFunction(pictures, checkpointed: false)
    }

    /// - Parameters:
    ///   - pictures: as above.
    ///   - checkpointed: whether what lies inside a stage is not kept for backward.
    /// - Returns: as above.
    func callAsFunction(_ pictures: Tensor, checkpointed: Bool) -> Tensor {
        // oneDNN is faster on three channels beside each other in memory than on one channel, which
        // would be a third of the work.
        let colours = pictures.expanded([-1, 3, -1, -1]).contiguous(.channelsLast)
        let stages: [any Layer] = [inc] + downs
        return stages.reduce(colours) { x, stage in
            checkpointed ? stage.checkpointed(x) : stage(x)
        }
    }
}
