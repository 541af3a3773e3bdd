// One side of the benchmarks; the other are peer.py, samus_works.py, bundles_works.py and
// training_works.py. Reads one work per line, does it once, and answers with its figure: seconds, or
// what the work says. `load` is for Benchmarks/checkpoints, `samus-once` for Benchmarks/samus,
// `training-peak` for Benchmarks/training, `sam-logits` for Tools/parity/test_sam.py,
// `export-reference` for Tools/parity/check_export.py, `metrics` for Tools/parity/test_metrics.py and
// `metrics-time` for Benchmarks/metrics.

import Foundation
import Inference
import Torch

let arguments = Array(CommandLine.arguments.dropFirst())

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("\(message)\n".utf8))
    exit(64)
}

/// Answers each line of standard input with the figure of the work it names.
func answer<Work: RawRepresentable<String>>(_ run: (Work) throws -> Double) rethrows {
    while let line = readLine() {
        guard let work = Work(rawValue: line) else { fail("no work named '\(line)'") }
        print(try run(work))
        fflush(nil)
    }
}

func count(_ text: String, of things: String) -> Int {
    guard let count = Int(text), count > 0 else { fail("'\(text)' is no number of \(things)") }
    return count
}

func threads(_ text: String) -> Int { count(text, of: "threads") }

switch (arguments.first, arguments.count) {
case ("load", 2):
    print(try CheckpointBench.load(arguments[1]))
case ("sam-logits", 4):
    try SAMLogits.write(weights: arguments[1], input: arguments[2], output: arguments[3])
case ("export-reference", 3):
    try ExportReference.write(weights: arguments[1], output: arguments[2])
case ("int8-bundle", 3):
    try IntegerBundle.write(weights: arguments[1], output: arguments[2])
case ("metrics", 2):
    print(try MetricsBench.score(arguments[1]))
case ("metrics-time", 2):
    guard let size = Int(arguments[1]), (1...10_000).contains(size) else {
        fail("'\(arguments[1])' is no size: 1 to 10000 pixels")
    }
    print(try MetricsBench.time(size))
case ("samus-once", 3):
    TorchRuntime.threads = threads(arguments[1])
    print(try SAMUSBench.once(weights: arguments[2]))
case ("processes", 2):
    TorchRuntime.threads = threads(arguments[1])
    if let figures = try ProcessesBench.run() {
        print(
            """
            sum of 16 MB: \(figures.sum) s
            backward alone \(figures.alone) s, gradients sent after it \(figures.after) s, \
            during it \(figures.during) s: \(figures.hidden) of the sending is hidden
            """)
    }
case ("litemedsam", 3):
    TorchRuntime.threads = threads(arguments[1])
    answer(try Bench(weights: arguments[2]).run)
case ("samus", 3):
    TorchRuntime.threads = threads(arguments[1])
    answer(try SAMUSBench(weights: arguments[2]).run)
case ("bundle", 4):
    guard let precision = RuntimeOptions.Precision(rawValue: arguments[2]) else {
        fail("no precision named '\(arguments[2])'")
    }
    try answer(
        BundleBench(
            bundle: arguments[3], threads: threads(arguments[1]), precision: precision
        ).run)
case ("training", 4):
    TorchRuntime.threads = threads(arguments[1])
    let images = count(arguments[3], of: "images")
    answer(try TrainingBench(weights: arguments[2], batch: images).run)
case ("training-peak", 5):
    TorchRuntime.threads = threads(arguments[1])
    guard let work = TrainingWork(rawValue: arguments[4]) else { fail("no work '\(arguments[4])'") }
    let images = count(arguments[3], of: "images")
    print(try TrainingBench(weights: arguments[2], batch: images).peak(of: work))
default:
    fail(
        """
        usage: samus-bench litemedsam|samus THREADS WEIGHTS   works on stdin
               samus-bench bundle THREADS f32|bf16|f16 BUNDLE   works on stdin
               samus-bench samus-once THREADS WEIGHTS
               samus-bench training THREADS WEIGHTS BATCH     works on stdin
               samus-bench training-peak THREADS WEIGHTS BATCH WORK
               samus-bench processes THREADS   for Benchmarks/processes
               samus-bench load FILE
               samus-bench sam-logits WEIGHTS INPUT OUTPUT
               samus-bench export-reference WEIGHTS OUTPUT
               samus-bench int8-bundle WEIGHTS OUTPUT
               samus-bench metrics FOLDER
               samus-bench metrics-time SIZE
        """)
}
