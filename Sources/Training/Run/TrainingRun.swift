import Foundation
import Segmentation
import Torch
import TorchNN

/// A training from its first step, or the one it stopped at, to its end, and all it leaves in its
/// folder.
///
/// Of several processes the first alone writes; the others read the state in its folder.
public final class TrainingRun {
    /// Why a run ended.
    public enum End: String, Sendable {
        /// All epochs are done.
        case finished
        /// The validation has not become better for as many epochs as were allowed.
        case patience
        /// The time is over; it can be gone on with.
        case timeLimit = "time limit"
        /// Somebody stopped it; it can be gone on with.
        case interrupted
    }

    private let trainer: Trainer
    private let validation: Validation?
    private let journal: RunJournal?
    private let notice: (RunNotice) -> Void
    private let start = ContinuousClock.now
    private var meter = StepMeter()

    /// Prepares a run, and where its folder has a state goes on from it.
    ///
    /// - Parameters:
    ///   - trainer: a training that has not begun.
    ///   - validation: runs after each epoch; nil for none.
    ///   - folder: of the run.
    ///   - start: where the network's weights come from.
    ///   - recipe: for the weights' remarks.
    ///   - identity: options and data on which the result depends, as one line.
    ///   - licence: of the weights, when it is known.
    ///   - dataHash: of the data, for `run.json`; asked for by a new run only, for it reads all files.
    ///   - versions: of the program and what it runs on, for `run.json`.
    ///   - notice: told how far it is.
    /// - Throws: ``TrainingError/state(path:reason:)`` when the folder's state is of another run,
    ///   ``RunFolderError`` when the folder cannot be written, `ProcessGroupError` when another
    ///   process is lost.
    public init(
        _ trainer: Trainer, validation: Validation?, folder: RunFolder, start: InitializedNetwork,
        recipe: Recipe, identity: String, licence: String?,
        dataHash: @autoclosure () throws -> String?, versions: [String: String] = [:],
        notice: @escaping (RunNotice) -> Void
    ) throws {
        self.trainer = trainer
        self.validation = validation
        self.notice = notice
        let state = TrainingState(path: folder.weights + "/state.safetensors", run: identity)
        let isResumed = FileManager.default.fileExists(atPath: state.path)
        if isResumed {
            trainer.position = try state.read(
                network: trainer.network, optimizer: trainer.optimizer, average: trainer.average)
        }
        try trainer.group?.expectEqual(
            "\(trainer.position.step)", "the state in '\(folder.path)': all need the same folder")
        journal =
            trainer.batches.rank > 0
            ? nil
            : try RunJournal(
                trainer, folder: folder, state: state,
                weights: TrainedWeights(
                    kind: start.kind, configuration: start.configuration,
                    origin: "trained by the recipe '\(recipe.rawValue)' with "
                        + "\(trainer.batches.samples.count) samples; \(start.origin)",
                    licence: licence, prompts: trainer.batches.prompts.promptKinds),
                validation: validation,
                record: isResumed
                    ? nil
                    : RunRecord(
                        seed: trainer.settings.seed, dataHash: try dataHash(),
                        startWeightsHash: start.sources.sorted { $0.key < $1.key }.map(\.value)
                            .joined(separator: " "), versions: versions))
    }

    /// Trains until it ends.
    ///
    /// - Parameter isInterrupted: asked after each step.
    /// - Returns: why it ended.
    /// - Throws: ``TrainingError``, what reading images and writing files throws; the state that
    ///   was kept last stays.
    public func run(isInterrupted: () -> Bool) throws -> End {
        do {
            return try train(isInterrupted)
        } catch let error as TrainingError {
            // Whatever was kept last may be what the loss was lost with.
            try journal?.discardUnproven()
            throw error
        }
    }

    private func train(_ isInterrupted: () -> Bool) throws -> End {
        if trainer.position.step == 0 { try journal?.begin() }
        while trainer.position.epoch < trainer.settings.epochs {
            if isWithoutProgress { return try finish(.patience) }
            // The first process may have had files to write.
            try trainer.group?.meet()
            let course = try trainer.runEpoch { report in
                var wish = try step(report)
                if isOutOfTime { wish.insert(.timeLimit) }
                if isInterrupted() { wish.insert(.interrupted) }
                return wish
            } keep: {
                try journal?.keep()
            }
            if course.isDone { try finishEpoch() }
            try journal?.keep()
            if course.ending.contains(.interrupted) { return try finish(.interrupted) }
            if course.ending.contains(.timeLimit) { return try finish(.timeLimit) }
        }
        return try finish(.finished)
    }

    private var isOutOfTime: Bool {
        trainer.settings.timeLimit.map { (ContinuousClock.now - start).inSeconds > $0 } ?? false
    }

    private var isWithoutProgress: Bool {
        guard let patience = trainer.settings.patience, let best = trainer.position.bestEpoch else {
            return false
        }
        return trainer.position.epoch - 1 - best >= patience
    }

    private func step(_ report: StepReport) throws -> StepWish {
        meter.add(report)
        notice(.step(report, meter))
        return try journal?.step(report) ?? []
    }

    /// Validates, and begins the next epoch.
    private func finishEpoch() throws {
        let position = trainer.position
        let sums = position.sums
        var row: [String: Double] = [
            "epoch": Double(position.epoch + 1), "step": Double(position.step),
            "time": position.seconds, "lr": trainer.schedule.rate(at: max(position.step - 1, 0)),
            "train/loss": sums.loss / Double(max(sums.batches, 1)),
            "train/bce": sums.crossEntropy / Double(max(sums.batches, 1)),
            "train/dice_loss": sums.dice / Double(max(sums.batches, 1)),
            "grad_norm": sums.gradientNorm / Double(max(sums.steps, 1)),
            "images_per_s": meter.rate, "waited": meter.waitedShare,
            "memory_mb": Double(ProcessMemory.resident() ?? 0) / 1e6,
        ]
        try trainer.averaged {
            if let validation {
                // Batch statistics are those of the first process, whose weights are written.
                try trainer.group?.shareValues()
                let result = try validation.run(trainer) { notice(.validation($0, of: $1)) }
                row["val/dice"] = result.meanDice
                row["val/iou"] = result.meanIoU
                for (group, dice) in result.dice { row["val/dice/\(group)"] = dice }
                let isBest = result.meanDice > trainer.position.best ?? -1
                if isBest {
                    trainer.position.best = result.meanDice
                    trainer.position.bestEpoch = position.epoch
                }
                try journal?.validated(result, isBest: isBest)
            }
            try journal?.epoch(row)
        }
        notice(.epoch(position.epoch + 1, row))
        trainer.nextEpoch()
    }

    private func finish(_ end: End) throws -> End {
        if trainer.position.batch > 0 { try trainer.averaged { try journal?.writeLast() } }
        try journal?.finish(end)
        return end
    }
}
