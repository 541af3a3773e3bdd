// One side of Benchmarks/run; the other is peer.py. Reads one work per line, does it once, and
// answers with its figure: seconds, or what the work says. `load` is for Benchmarks/checkpoints,
// `sam-logits` for Scripts/compare-sam.py.

import Foundation
import Torch

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.count == 2, arguments[0] == "load" {
    print(try CheckpointBench.load(arguments[1]))
    exit(0)
}
if arguments.count == 4, arguments[0] == "sam-logits" {
    try SAMLogits.write(weights: arguments[1], input: arguments[2], output: arguments[3])
    exit(0)
}
guard arguments.count == 2, let threads = Int(arguments[0]), threads > 0 else {
    FileHandle.standardError.write(
        Data("usage: samus-bench THREADS LITEMEDSAM-WEIGHTS, works on stdin; or load FILE\n".utf8))
    exit(64)
}
TorchRuntime.threads = threads
let bench = try Bench(weights: arguments[1])
while let line = readLine() {
    guard let work = Work(rawValue: line) else {
        FileHandle.standardError.write(Data("no work named '\(line)'\n".utf8))
        exit(64)
    }
    print(bench.run(work))
    fflush(nil)
}
