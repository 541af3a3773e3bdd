import Foundation
import Segmentation
import Torch
import TorchNN

/// A training from its first step, or the one it stopped at, to its end, and all it leaves in its
/// folder.
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

    let trainer: Trainer
    let validation: Validation?
    let folder: RunFolder
    let weights: TrainedWeights
    /// What has to agree for going on with a state.
    let identity: String
    let notice: (RunNotice) -> Void
    var results: ResultsTable
    let events: EventWriter
    var record: RunRecord
    private let state: TrainingState
    private var lastKept = ContinuousClock.now
    private let start = ContinuousClock.now
    private var meter = StepMeter()
    private(set) var lastValidation: Validation.Result?

    /// Prepares a run, and where its folder has a state goes on from it.
    ///
    /// - Parameters:
    ///   - trainer: a training that has not begun.
    ///   - validation: runs after each epoch; nil for none.
    ///   - folder: of the run, locked.
    ///   - start: where the network's weights come from.
    ///   - recipe: for the weights' remarks.
    ///   - identity: options and data on which the result depends, as one line.
    ///   - licence: of the weights, when it is known.
    ///   - dataHash: of the data, for `run.json`; asked for by a new run only, for it reads all files.
    ///   - versions: of the program and what it runs on, for `run.json`.
    ///   - notice: told how far it is.
    /// - Throws: ``TrainingError/state(path:reason:)`` when the folder's state is of another run.
    public init(
        _ trainer: Trainer, validation: Validation?, folder: RunFolder, start: NetworkStart,
        recipe: Recipe, identity: String, licence: String?,
        dataHash: @autoclosure () throws -> String?, versions: [String: String] = [:],
        notice: @escaping (RunNotice) -> Void
    ) throws {
        self.trainer = trainer
        self.validation = validation
        self.folder = folder
        self.identity = identity
        self.notice = notice
        weights = TrainedWeights(
            kind: start.kind, sizes: start.sizes,
            origin: "trained by the recipe '\(recipe.rawValue)' with "
                + "\(trainer.batches.samples.count) samples; \(start.origin)",
            licence: licence, prompts: trainer.batches.prompts.promptKinds)
        state = TrainingState(path: folder.weights + "/state.safetensors")
        let groups = Set(validation?.samples.map { "\($0.dataset)#\($0.label)" } ?? []).sorted()
        let columns = ResultsTable.columns(sets: groups)
        if FileManager.default.fileExists(atPath: state.path) {
            trainer.position = try state.read(
                network: trainer.network, optimizer: trainer.optimizer, average: trainer.average,
                run: identity)
            results = try ResultsTable(
                resuming: folder.results, columns: columns, keepingUpTo: trainer.position.step)
            events = try EventWriter(folder: folder.path, resumingAt: trainer.position.step)
            record = try RunRecord.read(folder.record)
            record.resumes.append(.init(step: trainer.position.step))
        } else {
            results = try ResultsTable(creating: folder.results, columns: columns)
            events = try EventWriter(folder: folder.path)
            record = RunRecord(
                seed: trainer.settings.seed, dataHash: try dataHash(),
                startWeightsHash: start.sources.sorted { $0.key < $1.key }.map(\.value)
                    .joined(separator: " "), versions: versions)
        }
        if trainer.batches.rank == 0 { try record.write(to: folder.record) }
    }

    /// Whether this process is the one that writes.
    var isFirst: Bool { trainer.batches.rank == 0 }

    /// Trains until it ends.
    ///
    /// - Parameter isInterrupted: asked after each step.
    /// - Returns: why it ended.
    /// - Throws: ``TrainingError``, what reading pictures and writing files throws; the state that
    ///   was kept last stays.
    public func run(isInterrupted: () -> Bool) throws -> End {
        var end: End?
        let isStopped = { [self] in
            if isInterrupted() {
                end = .interrupted
            } else if let limit = trainer.settings.timeLimit,
                (ContinuousClock.now - start).inSeconds > limit
            {
                end = .timeLimit
            }
            return end != nil
        }
        if trainer.position.step == 0 { try writeFirstBatch() }
        while trainer.position.epoch < trainer.settings.epochs {
            if isWithoutProgress { return try finish(.patience) }
            let isDone = try trainer.runEpoch(until: isStopped) { try step($0) }
            if isDone {
                try finishEpoch()
            }
            try keep()
            if let end { return try finish(end) }
        }
        return try finish(.finished)
    }

    private var isWithoutProgress: Bool {
        guard let patience = trainer.settings.patience, let best = trainer.position.bestEpoch else {
            return false
        }
        return trainer.position.epoch - 1 - best >= patience
    }

    private func step(_ report: StepReport) throws {
        meter.add(report)
        notice(.step(report, meter))
        if let norm = report.gradientNorm {
            events.add(
                [
                    "train/loss": report.loss, "train/bce": report.crossEntropy,
                    "train/dice_loss": report.dice, "lr": report.learningRate, "grad_norm": norm,
                ], step: report.step)
            let isDue =
                (ContinuousClock.now - lastKept).inSeconds > trainer.settings.keepEvery
            if isDue && report.batch < report.batches { try keep() }
        }
    }

    /// Writes all that is needed for going on.
    private func keep() throws {
        guard isFirst else { return }
        try events.flush()
        try state.write(
            network: trainer.network, optimizer: trainer.optimizer, average: trainer.average,
            position: trainer.position, run: identity)
        lastKept = .now
    }

    /// Validates, writes a row and the weights, and begins the next epoch.
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
            "pictures_per_s": meter.rate, "waited": meter.waitedShare,
            "memory_mb": Double(ProcessMemory.resident() ?? 0) / 1e6,
        ]
        if let validation {
            let result = try averaged {
                try validation.run(trainer) {
                    notice(.validation($0, of: validation.samples.count))
                }
            }
            lastValidation = result
            row["val/dice"] = result.meanDice
            row["val/iou"] = result.meanIoU
            for (group, dice) in result.dice { row["val/dice/\(group)"] = dice }
            if result.meanDice > trainer.position.best ?? -1 {
                trainer.position.best = result.meanDice
                trainer.position.bestEpoch = position.epoch
                if isFirst { try writeWeights(to: folder.bestWeights, dice: result.meanDice) }
            }
        }
        if isFirst {
            try writeWeights(to: folder.lastWeights, dice: row["val/dice"])
            try results.append(row)
            events.add(
                row.filter { $0.key.hasPrefix("val/") || $0.key == "pictures_per_s" },
                step: position.step)
            if let picture = results.picture() { try picture.write(to: folder.resultsPicture) }
        }
        notice(.epoch(position.epoch + 1, row))
        trainer.nextEpoch()
    }

    /// Runs `body` with the averaged weights, where there are some.
    func averaged<Result>(_ body: () throws -> Result) rethrows -> Result {
        try trainer.average.map { try $0.applied(body) } ?? body()
    }

    private func writeWeights(to path: String, dice: Double?) throws {
        var remarks = [
            "samus.training.epoch": "\(trainer.position.epoch + 1)",
            "samus.training.step": "\(trainer.position.step)",
        ]
        remarks["samus.training.val_dice"] = dice.map { String(format: "%.4f", $0) }
        try averaged { try weights.write(trainer.network, remarks: remarks, to: path) }
    }
}
