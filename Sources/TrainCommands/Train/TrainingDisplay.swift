import Commands
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
