import Commands
import Foundation
import Training

/// Shows the progress of a training on standard error.
final class TrainingDisplay: TrainingObserver {
    private var line = TrainingProgress()

    func stepDidEnd(_ step: StepReport, _ trainer: Trainer) {
        let configuration = trainer.configuration
        let accumulate = configuration.accumulate
        let steps = ((step.batches - 1) / accumulate + 1) * configuration.epochs
        let samplesLeft = (steps - step.step) * step.samples * accumulate
        line.show(
            ProgressFigures(
                epoch: step.epoch + 1, epochs: configuration.epochs, step: step.step,
                steps: steps, loss: step.loss, rate: trainer.throughput.rate,
                waited: trainer.throughput.waitedFraction,
                secondsLeft: Double(samplesLeft) / max(trainer.throughput.rate, 1e-9)))
    }

    func validationDidAdvance(_ count: Int, of total: Int) {
        line.show(line: "validation \(count)/\(total)")
    }

    func epochDidEnd(_ epoch: EpochReport, _ trainer: Trainer) {
        func text(_ column: String) -> String {
            epoch.row[column].map { $0.formatted(.number.precision(.significantDigits(4))) } ?? "-"
        }
        func clause(_ name: String, _ value: Double?, _ unit: String) -> String {
            value.map { "  \(name) \(Int($0))\(unit)" } ?? ""
        }
        line.print(
            "epoch \(epoch.number) done: step \(trainer.position.step)  loss \(text("train/loss"))  "
                + "val Dice \(text("val/dice"))  \(text("images_per_s")) images/s  "
                + "waiting for data \(text("waited"))"
                + clause("GPU memory", epoch.row["device_memory_mb"], " MB")
                + clause("skipped steps", epoch.row["skipped_steps"], ""))
    }

    /// Removes the progress line from the terminal.
    func clear() {
        line.clear()
    }
}

/// Ends the training after Ctrl-C or SIGTERM.
final class InterruptionObserver: TrainingObserver {
    private let interruption = Interruption(finishing: "the current step")

    var isStopRequested: Bool { interruption.isRequested }
}

/// Ends the training after the first steps, and estimates the time that all steps would take.
final class StepTimer: TrainingObserver {
    private let count: Int
    private var reports: [StepReport] = []

    /// - Parameter batches: number of batches of an epoch.
    init(_ batches: Int) {
        // A complete epoch would be validated.
        count = max(1, min(3, batches - 1))
    }

    /// Whether enough steps were timed.
    var isDone: Bool { reports.count >= count }
    var isStopRequested: Bool { isDone }

    func stepDidEnd(_ step: StepReport, _ trainer: Trainer) {
        reports.append(step)
    }

    /// The estimate, as a line below the summary.
    func summary(_ trainer: Trainer) -> String {
        // The first step also takes memory and prepares kernels.
        let timed = reports.count > 1 ? Array(reports.dropFirst()) : reports
        let seconds = timed.reduce(0) { $0 + $1.seconds }
        let rate = Double(timed.reduce(0) { $0 + $1.samples }) / max(seconds, 1e-9)
        let batches = trainer.batches.count * trainer.configuration.epochs
        let all = Double(batches) * seconds / Double(timed.count)
        return "time       about \(ProgressFigures.text(all)) of steps on this machine ("
            + "\(String(format: "%.2f", rate)) images/s in \(timed.count) "
            + "\(timed.count == 1 ? "batch" : "batches")); validations come on top"
    }
}
