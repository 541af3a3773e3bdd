import ArgumentParser
import Checkpoints
import Files
import Foundation
import Imaging
import SAMUSCommand
import Torch
import Training
import Ultrasound

extension TrainPlan {
    /// Trains, or only says what would be trained.
    ///
    /// - Throws: an exit code, its reason said.
    func run() throws {
        print(words)
        guard let folder else { return }
        let interruption = Interruption(finishing: "the step at hand")
        let display = TrainDisplay(trainer.settings)
        do {
            let run = try TrainingRun(
                trainer, validation: validation, folder: folder, start: start,
                recipe: command.network.recipe, identity: identity,
                licence: command.course.licence,
                dataHash: try UltrasoundData.hash(
                    of: trainer.batches.samples + (validation?.samples ?? [])),
                versions: [
                    "samus": ProgramVersion.current, "libtorch": TorchRuntime.version,
                ], notice: display.show)
            if trainer.position.step > 0 {
                print(
                    "goes on at step \(trainer.position.step), epoch \(trainer.position.epoch + 1)")
            }
            let end = try run.run { interruption.isRequested }
            display.clear()
            print(closing(end, folder))
            if end == .interrupted { throw ExitCode(Failure.interrupted.rawValue) }
        } catch let code as ExitCode {
            throw code
        } catch {
            display.clear()
            switch error {
            case is RunFolderError, is FileError: throw Failure.output.because("\(error)")
            case CheckpointError.writeFailed: throw Failure.output.because("\(error)")
            case is DataError: throw Failure.input.because("\(error)")
            default: throw Failure.unavailable.because("\(error)")
            }
        }
    }

    /// What is trained with what, some lines.
    private var words: String {
        let trained = trainer.network.trainable.reduce(0) { $0 + $1.value.elementCount }
        let all = trainer.network.parameters.reduce(0) { $0 + $1.value.elementCount }
        let batches = trainer.batches
        let sets = Dictionary(grouping: batches.samples, by: \.dataset).mapValues(\.count)
            .sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return """
            network    \(start.kind.text(start.sizes)), \(all.formatted()) parameters, \
            \(trained.formatted()) trained (\(command.network.recipe.rawValue)); \(start.origin)
            samples    \(batches.samples.count) (\(sets))
            validation \(validation.map { "\($0.samples.count), pointed at by "
                + $0.pointings.map(\.rawValue).joined(separator: " and ") } ?? "none")
            prompts    \(batches.prompts)
            steps      \(batches.count) batches of \(batches.size) an epoch, \
            \(trainer.settings.epochs) epochs, \(TorchRuntime.threads) threads, \
            \(command.steps.precision.rawValue)
            folder     \(folder?.path ?? "none: a dry run trains nothing")
            \(ResearchNotice.text)
            """
    }

    private func closing(_ end: TrainingRun.End, _ folder: RunFolder) -> String {
        let best = trainer.position.best.map {
            "best validation Dice \($0.formatted(.number.precision(.fractionLength(4)))) in epoch "
                + "\((trainer.position.bestEpoch ?? 0) + 1)"
        }
        let goesOn = end == .timeLimit || end == .interrupted
        return """
            \(end.rawValue) after \(trainer.position.epoch) epochs, \(trainer.position.step) \
            steps\(best.map { "; \($0)" } ?? "")
            \(folder.path)\(goesOn ? "  (samus train --resume \(folder.path) goes on)" : "")
            \(ResearchNotice.text)
            """
    }
}

/// What a training says at the terminal.
private final class TrainDisplay {
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
                    + "val Dice \(value("val/dice"))  \(value("pictures_per_s")) pictures/s  "
                    + "waited for pictures \(value("waited"))")
        case .step(let report, let meter):
            let steps = report.batches / settings.accumulation * settings.epochs
            let left = steps - report.step
            line.show(
                ProgressFigures(
                    epoch: report.epoch + 1, epochs: settings.epochs, step: report.step,
                    steps: steps, loss: report.loss, rate: meter.rate, waited: meter.waitedShare,
                    secondsLeft: Double(left * report.samples * settings.accumulation)
                        / max(meter.rate, 1e-9)))
        case .validation:
            break
        }
    }

    func clear() {
        line.clear()
    }
}
