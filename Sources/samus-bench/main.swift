// One side of Benchmarks/run and Benchmarks/samus; the other are peer.py and samus_works.py. Reads one work per line, does it once, and
// answers with its figure: seconds, or what the work says. `load FILE` is for Benchmarks/checkpoints.

import Foundation
import Torch

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.count == 2, arguments[0] == "load" {
    print(try CheckpointBench.load(arguments[1]))
    exit(0)
}
func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("\(message)\n".utf8))
    exit(64)
}
/// Answers each line of standard input with the figure of the work it names.
func answer<Work: RawRepresentable<String>>(_ run: (Work) -> Double) {
    while let line = readLine() {
        guard let work = Work(rawValue: line) else { fail("no work named '\(line)'") }
        print(run(work))
        fflush(nil)
    }
}
guard arguments.count == 3, let threads = Int(arguments[1]), threads > 0 else {
    fail("usage: samus-bench litemedsam|samus THREADS WEIGHTS, works on stdin; or load FILE")
}
TorchRuntime.threads = threads
switch arguments[0] {
case "litemedsam": answer(try Bench(weights: arguments[2]).run)
case "samus": answer(try SAMUSBench(weights: arguments[2]).run)
default: fail("no benchmark named '\(arguments[0])'")
}
