import Foundation
import Torch
import TorchNN
import Training

/// Cost of exchanging gradients in data-parallel training; every process of `bench.py processes` runs
/// it.
enum DataParallelBench {
    /// The figures that rank 0 returns.
    struct Figures {
        /// Seconds of summing 16 MB over all processes.
        let sum: Double
        /// Seconds of a backward pass without exchange, with the exchange after it, and during it.
        let alone: Double
        let after: Double
        let during: Double
        /// The share of the exchange that the backward pass hides.
        var hidden: Double { (after - during) / (after - alone) }
    }

    /// When gradients are exchanged.
    private enum Exchange: CaseIterable {
        case never, afterBackward, duringBackward
    }

    /// Measures in the process group that the environment describes.
    ///
    /// - Returns: nil in all processes but the first.
    /// - Throws: `ProcessGroupError` when the processes cannot connect, or one ends.
    static func run() throws -> Figures? {
        guard let group = try ProcessGroup.fromEnvironment() else { return nil }
        let memory = Tensor.ones([4 << 20])
        let sum = median(try (0..<20).map { _ in try seconds { try group.sumInPlace(memory) } })
        let blocks = Blocks()
        let input = Tensor.normal([1, 256, 384], generator: Generator(seed: 1))
        let parallel = try DataParallel(blocks, in: group)
        var times: [Exchange: [Double]] = [:]
        for round in 0..<13 {
            for exchange in Exchange.allCases {
                blocks.zeroGrad()
                let loss = blocks(input).mean()
                try group.barrier()
                let time = try seconds {
                    if exchange == .duringBackward { parallel.expectGradients() }
                    loss.backward()
                    if exchange != .never { try parallel.averageGradients() }
                }
                // The first rounds warm up.
                if round > 2 { times[exchange, default: []].append(time) }
            }
        }
        try group.barrier()
        guard group.rank == 0 else { return nil }
        return Figures(
            sum: sum, alone: median(times[.never, default: []]),
            after: median(times[.afterBackward, default: []]),
            during: median(times[.duringBackward, default: []]))
    }

    private final class Blocks: Module {
        let blocks = (0..<12).map { _ in TransformerBlock(width: 384, heads: 6) }

        func callAsFunction(_ x: Tensor) -> Tensor {
            blocks.reduce(x) { $1($0) }
        }
    }

    private static func median(_ values: [Double]) -> Double {
        values.sorted()[values.count / 2]
    }
}
