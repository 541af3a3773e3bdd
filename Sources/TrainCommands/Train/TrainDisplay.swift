import Training

/// What a training says at the terminal.
final class TrainDisplay {
    private var line = TrainingProgress()
    private let settings: TrainingSettings

    init(_ settings: TrainingSettings) {
        self.settings = settings
    }

    /// Shows a notice where it is time to.
    func show(_ notice: RunNotice) {
        switch notice {
        case .epoch(let number, let row):
            func value(_ name: String) -> String {
                row[name].map { $0.formatted(.number.precision(.significantDigits(4))) } ?? "-"
            }
            line.say(
                "epoch \(number) done: step \(value("step"))  loss \(value("train/loss"))  "
                    + "val Dice \(value("val/dice"))  \(value("images_per_s")) images/s  "
                    + "waited for images \(value("waited"))")
        case .step(let report, let meter):
            let steps = ((report.batches - 1) / settings.accumulation + 1) * settings.epochs
            let left = steps - report.step
            line.show(
                ProgressFigures(
                    epoch: report.epoch + 1, epochs: settings.epochs, step: report.step,
                    steps: steps, loss: report.loss, rate: meter.rate, waited: meter.waitedShare,
                    secondsLeft: Double(left * report.samples * settings.accumulation)
                        / max(meter.rate, 1e-9)))
        case .validation(let done, let count):
            line.show(line: "validation \(done)/\(count)")
        }
    }

    func clear() {
        line.clear()
    }
}
