import Foundation
import Torch
import TorchNN

/// Positions as sines and cosines of random frequencies: SAM's encoding of points and pixels.
///
/// `[sin(2 pi c G), cos(2 pi c G)]` for positions c in -1..1 and a fixed random matrix G.
public final class RandomPositionEncoding: Module {
    let frequencies: Buffer

    /// The authors' name of the random matrix.
    public override class var checkpointNames: [String: String] {
        ["frequencies": "positional_encoding_gaussian_matrix"]
    }

    /// - Parameters:
    ///   - features: half the width of the encoding.
    ///   - scale: standard deviation of the frequencies.
    init(features: Int, scale: Double = 1) {
        frequencies = Buffer(normal: [2, features], deviation: scale)
    }

    /// Encodes positions in 0..1.
    ///
    /// - Parameter positions: (x, y), `[..., 2]`.
    /// - Returns: `[..., D]`.
    func callAsFunction(_ positions: Tensor) -> Tensor {
        let angles = (positions * 2 - 1).matmul(frequencies.value) * (2 * Double.pi)
        return .concatenate([angles.sin(), angles.cos()], axis: -1)
    }

    /// Encodes the centres of the cells of a grid.
    ///
    /// - Parameters:
    ///   - height: rows of the grid.
    ///   - width: its columns.
    /// - Returns: `[1, D, H, W]`.
    func grid(height: Int, width: Int) -> Tensor {
        let device = frequencies.value.device
        let y = (Tensor.arange(to: Double(height), device: device) + 0.5) / height
        let x = (Tensor.arange(to: Double(width), device: device) + 0.5) / width
        let positions = Tensor.stack(
            [
                x[.newAxis, .all].expanded([height, width]),
                y[.all, .newAxis].expanded([height, width]),
            ], axis: -1)
        return self(positions).permuted([2, 0, 1]).unsqueezed(0)
    }
}
