import Torch
import TorchNN

/// Adapts SAM's position embedding to the smaller grid: the *position adapter* of SAMUS
/// (arXiv:2309.06824).
///
/// Max pooling, 3x3 convolution, norm, GELU. The result does not depend on the image: without
/// gradients it is cached until the weights change.
final class PositionAdapter: Module {
    let downs: [DownConvolution]
    let grid: Int
    private let adapted = CachedTensor()

    /// - Parameters:
    ///   - width: of the embedding, D.
    ///   - grid: height and width of the grid of tokens; an embedding that is not twice as fine is
    ///     resized first.
    init(width: Int, grid: Int) {
        downs = [DownConvolution(width, width)]
        self.grid = grid
    }

    /// - Parameter embedding: SAM's, `[1, G, G, D]`.
    /// - Returns: to be added to the tokens, `[1, grid, grid, D]`.
    func callAsFunction(_ embedding: Tensor) -> Tensor {
        adapted.value(of: [embedding] + parameters.map(\.value)) {
            let table = embedding.permuted([0, 3, 1, 2])
            let fitting =
                table.size(2) == 2 * grid
                ? table : bilinear(table, height: 2 * grid, width: 2 * grid)
            return downs.reduce(fitting) { $1($0) }.permuted([0, 2, 3, 1])
        }
    }
}
