import Foundation
import Torch
import TorchNN
import Training

/// What the launcher's processes lose by working together; all of them run it.
enum ProcessesBench {
    /// A figure of every rank 0.
    struct Figures: Encodable {
        /// Seconds of a sum of 16 MB over all processes.
        let sum: Double
        /// Seconds of a backward pass alone, with the gradients sent after it, and during it.
        let alone: Double
        let after: Double
        let during: Double
        /// How much of the sending is hidden behind the backward pass.
        var hidden: Double { (after - during) / (after - alone) }
    }

    /// - Throws: `ProcessGroupError` when the processes do not find each other, or one goes.
    static func run() throws -> Figures? {
        guard let group = try ProcessGroup.fromEnvironment() else { return nil }
        let memory = Tensor.ones([4 << 20])
        let sum = try median(of: 20) { try group.sumInPlace(memory) }
        let blocks = Blocks()
        let input = Tensor.normal([1, 256, 384], generator: Generator(seed: 1))
        let parallel = try DataParallel(blocks, in: group)
        var times: [[Double]] = [[], [], []]
        for round in 0..<13 {
            for way in 0..<3 {
                blocks.zeroGrad()
                let loss = blocks(input).mean()
                try group.barrier()
                let time = try elapsed {
                    if way == 2 { parallel.expectGradients() }
                    loss.backward()
                    if way > 0 { try parallel.averageGradients() }
                }
                if round > 2 { times[way].append(time) }
            }
        }
        try group.barrier()
        guard group.rank == 0 else { return nil }
        let medians = times.map { $0.sorted()[$0.count / 2] }
        return Figures(sum: sum, alone: medians[0], after: medians[1], during: medians[2])
    }

    private final class Blocks: Module {
        let blocks = (0..<12).map { _ in TransformerBlock(width: 384, heads: 6) }

        func callAsFunction(_ x: Tensor) -> Tensor {
            blocks.reduce(x) { $1($0) }
        }
    }

    private static func elapsed(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    private static func median(of rounds: Int, _ body: () throws -> Void) rethrows -> Double {
        try (0..<rounds).map { _ in try elapsed(body) }.sorted()[rounds / 2]
    }
}
