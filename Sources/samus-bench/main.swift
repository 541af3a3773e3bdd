// The Swift side of Benchmarks/bench.py and of the programs in Tools/parity.

import Foundation
import Inference
import Torch

/// Ends the program for wrong arguments.
func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("\(message)\n".utf8))
    exit(64)
}

/// A positive number from the command line.
func count(_ text: String, of things: String) -> Int {
    guard let count = Int(text), count > 0 else { fail("'\(text)' is not a number of \(things)") }
    return count
}

func measurement<Measurement: RawRepresentable<String>>(_ name: String) -> Measurement {
    guard let measurement = Measurement(rawValue: name) else {
        fail("there is no measurement '\(name)'")
    }
    return measurement
}

/// Prints, for each line of standard input, the figure of the measurement with that name.
func answer<Measurement: RawRepresentable<String>>(
    _ measure: (Measurement) throws -> Double
) rethrows {
    while let line = readLine() {
        print(try measure(measurement(line)))
        fflush(nil)
    }
}

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.count > 1,
    [
        "litemedsam", "samus", "samus-load", "training", "training-peak", "network", "processes",
    ].contains(arguments[0])
{
    TorchRuntime.threads = count(arguments[1], of: "threads")
}

switch (arguments.first, arguments.count) {
case ("litemedsam", 3):
    answer(try LiteMedSAMBench(weights: arguments[2]).measure)
case ("samus", 3):
    answer(try SAMUSBench(weights: arguments[2]).measure)
case ("samus-load", 3):
    print(try SAMUSBench.load(weights: arguments[2]))
case ("training", 4):
    let batch = count(arguments[3], of: "images")
    answer(try TrainingBench(weights: arguments[2], batch: batch).measure)
case ("training-peak", 5):
    let batch = count(arguments[3], of: "images")
    let bench = try TrainingBench(weights: arguments[2], batch: batch)
    print(bench.peakMemory(measurement(arguments[4])))
case ("network", 4):
    let batch = count(arguments[3], of: "images")
    answer(try NetworkBench(weights: arguments[2], batch: batch).measure)
case ("bundle", 4):
    guard let precision = RuntimeOptions.Precision(rawValue: arguments[2]) else {
        fail("there is no precision '\(arguments[2])'")
    }
    let bench = try BundleBench(
        bundle: arguments[3], threads: count(arguments[1], of: "threads"), precision: precision)
    try answer(bench.measure)
case ("int8-bundle", 3):
    try BundleBench.exportIntegers(weights: arguments[1], output: arguments[2])
case ("load", 2):
    print(try CheckpointBench.load(arguments[1]))
case ("processes", 2):
    if let figures = try DataParallelBench.run() {
        print(
            """
            summing 16 MB: \(figures.sum) s
            backward alone \(figures.alone) s, gradients exchanged after it \(figures.after) s, \
            during it \(figures.during) s: \(figures.hidden) of the exchange is hidden
            """)
    }
case ("metrics", 2):
    print(try MetricsBench.score(arguments[1]))
case ("metrics-time", 2):
    let size = count(arguments[1], of: "pixels")
    guard size <= 10_000 else { fail("'\(arguments[1])' is too large: at most 10000 pixels") }
    print(try MetricsBench.time(size))
case ("sam-logits", 4):
    try ReferenceOutputs.writeSAMLogits(
        weights: arguments[1], input: arguments[2], output: arguments[3])
case ("export-reference", 3):
    try ReferenceOutputs.writeExportReference(weights: arguments[1], output: arguments[2])
default:
    fail(
        """
        usage: samus-bench litemedsam|samus THREADS WEIGHTS            measures what stdin names
               samus-bench training THREADS WEIGHTS BATCH              measures what stdin names
               samus-bench network THREADS WEIGHTS BATCH               measures what stdin names
               samus-bench bundle THREADS f32|bf16|f16 BUNDLE          measures what stdin names
               samus-bench samus-load THREADS WEIGHTS
               samus-bench training-peak THREADS WEIGHTS BATCH STEP
               samus-bench int8-bundle WEIGHTS OUTPUT
               samus-bench load FILE
               samus-bench processes THREADS
               samus-bench metrics-time SIZE
        for Tools/parity:
               samus-bench metrics FOLDER
               samus-bench sam-logits WEIGHTS INPUT OUTPUT
               samus-bench export-reference WEIGHTS OUTPUT
        """)
}
