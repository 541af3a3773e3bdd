import ArgumentParser
import Commands
import Datasets
import Foundation
import Imaging
import Torch
import Training

extension TrainPlan {
    /// Trains, or only says what would be trained.
    ///
    /// - Throws: an exit code, its reason said.
    func run() throws {
        let isFirst = trainer.batches.rank == 0
        if isFirst { print(words) }
        guard let folder, !command.course.dryRun else { return }
        let interruption = Interruption(finishing: "the current step")
        let display = TrainDisplay(trainer.settings)
        do {
            let run = try TrainingRun(
                trainer, validation: validation, folder: folder, start: start,
                recipe: command.network.recipe, identity: identity,
                licence: command.course.licence,
                dataHash: try DatasetCollection.hash(
                    of: trainer.batches.samples + (validation?.samples ?? [])),
                versions: [
                    "samus": ProgramVersion.current, "libtorch": TorchRuntime.version,
                ], notice: { if isFirst { display.show($0) } })
            if isFirst, trainer.position.step > 0 {
                print(
                    "goes on at step \(trainer.position.step), epoch \(trainer.position.epoch + 1)")
            }
            let end = try run.run { interruption.isRequested }
            display.clear()
            if isFirst { print(closing(end, folder)) }
            if end == .interrupted { throw ExitError(.interrupted) }
        } catch {
            display.clear()
            throw TrainFailure.exit(for: error)
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
            network    \(start.kind.text(start.configuration)), \(all.formatted()) parameters, \
            \(trained.formatted()) trained (\(command.network.recipe.rawValue)); \(start.origin)
            samples    \(batches.samples.count) (\(sets))
            validation \(validation.map { "\($0.samples.count), pointed at by "
                + $0.pointings.map(\.description).joined(separator: " and ") } ?? "none")
            prompts    \(batches.prompts)
            steps      \(batches.count) batches of \(batches.size * batches.processes) an epoch, \
            \(trainer.settings.epochs) epochs, \(processes)\(TorchRuntime.threads) threads, \
            \(command.steps.precision.rawValue)
            folder     \(command.course.dryRun ? "a dry run trains nothing" : folder?.path ?? "")
            \(ResearchNotice.text)
            """
    }

    private var processes: String {
        let count = trainer.batches.processes
        return count > 1 ? "\(count) processes of " : ""
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
