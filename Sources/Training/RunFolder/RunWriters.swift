import Datasets
import Imaging
import Segmentation
import TorchNN

/// Writes `weights/best.safetensors` and `weights/last.safetensors`.
final class WeightsWriter: TrainingObserver {
    private let folder: RunFolder
    private let weights: TrainedWeights

    init(_ folder: RunFolder, _ weights: TrainedWeights) {
        self.folder = folder
        self.weights = weights
    }

    func validationDidEnd(_ result: Validation.Result, isBest: Bool, _ trainer: Trainer) throws {
        if isBest { try write(trainer, to: folder.bestWeights, dice: result.meanDice) }
    }

    func epochDidEnd(_ epoch: EpochReport, _ trainer: Trainer) throws {
        try write(trainer, to: folder.lastWeights, dice: epoch.row["val/dice"])
    }

    func trainingDidEnd(_ end: TrainingEnd, _ trainer: Trainer) throws {
        // A training that was stopped within an epoch.
        if trainer.position.batch > 0 { try write(trainer, to: folder.lastWeights, dice: nil) }
    }

    private func write(_ trainer: Trainer, to path: String, dice: Double?) throws {
        var metadata = [
            "samus.training.epoch": "\(trainer.position.epoch + 1)",
            "samus.training.step": "\(trainer.position.step)",
        ]
        metadata["samus.training.val_dice"] = dice.map { String(format: "%.4f", $0) }
        try weights.write(trainer.network, metadata: metadata, to: path)
    }
}

/// Writes `results.csv`, `results.png` and `summary.json`.
final class ResultsWriter: TrainingObserver {
    private let folder: RunFolder
    private var table: ResultsTable

    /// Begins the table, or resumes it.
    ///
    /// - Parameters:
    ///   - folder: the run's folder.
    ///   - validation: its datasets and classes have a column each.
    ///   - step: the optimizer step to resume at; nil for a new run.
    /// - Throws: ``RunFolderError``.
    init(
        _ folder: RunFolder, validation: Validation?, resumingAt step: Int?
    ) throws(RunFolderError) {
        self.folder = folder
        let samples = validation?.samples ?? []
        let columns = ResultsTable.columns(
            sets: Set(samples.map { "\($0.dataset)#\($0.label)" }).sorted(),
            prompts: validation?.strategies.map(\.description) ?? [])
        table =
            if let step {
                try ResultsTable(resuming: folder.results, columns: columns, keepingUpTo: step)
            } else {
                try ResultsTable(creating: folder.results, columns: columns)
            }
    }

    func epochDidEnd(_ epoch: EpochReport, _ trainer: Trainer) throws {
        try table.append(epoch.row)
        if let image = table.image() { try image.write(to: folder.resultsImage) }
    }

    func trainingDidEnd(_ end: TrainingEnd, _ trainer: Trainer) throws {
        let network = trainer.network
        let best = bestRow(trainer)
        try RunSummary(
            epochs: trainer.position.epoch, steps: trainer.position.step,
            seconds: trainer.position.seconds, bestStep: best["step"].map { Int($0) },
            best: best, last: table.row(table.rows.count - 1) ?? [:],
            trainedParameters: network.trainable.reduce(0) { $0 + $1.value.elementCount },
            parameters: network.parameters.reduce(0) { $0 + $1.value.elementCount },
            end: end.rawValue
        ).write(to: folder.summary)
    }

    /// The row of the best validation; empty where there is none.
    func bestRow(_ trainer: Trainer) -> [String: Double] {
        trainer.position.bestEpoch.flatMap { table.row($0) } ?? [:]
    }
}

/// Writes curves and images for TensorBoard.
final class EventLogger: TrainingObserver {
    private let events: EventWriter
    private let images: ImageWriter

    /// - Parameters:
    ///   - folder: the run's folder.
    ///   - images: the drawings that TensorBoard shows too; called before this observer.
    ///   - step: the optimizer step to resume at; nil for a new run.
    /// - Throws: ``RunFolderError``.
    init(
        _ folder: RunFolder, images: ImageWriter, resumingAt step: Int?
    ) throws(RunFolderError) {
        events = try EventWriter(folder: folder.path, resumingAt: step)
        self.images = images
    }

    func trainingWillStart(_ trainer: Trainer) throws {
        if let sheet = images.firstBatch { try events.add(sheet, tag: "train_batch0", step: 0) }
    }

    func stepDidEnd(_ step: StepReport, _ trainer: Trainer) throws {
        guard let norm = step.gradientNorm else { return }
        events.add(
            [
                "train/loss": step.loss, "train/bce": step.crossEntropy,
                "train/dice_loss": step.dice, "lr": step.learningRate, "grad_norm": norm,
            ], step: step.step)
    }

    func epochDidEnd(_ epoch: EpochReport, _ trainer: Trainer) throws {
        events.add(
            epoch.row.filter { $0.key.hasPrefix("val/") || $0.key == "images_per_s" },
            step: trainer.position.step)
    }

    func checkpointWillBeSaved(_ trainer: Trainer) throws {
        try events.flush()
    }

    func trainingDidEnd(_ end: TrainingEnd, _ trainer: Trainer) throws {
        for (rank, sheet) in images.predictions.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            try events.add(sheet, tag: "val_pred_\(rank.rawValue)", step: trainer.position.step)
        }
        try events.flush()
    }
}

/// Draws the first batch and the worst, median and best predictions of each validation.
final class ImageWriter: TrainingObserver {
    private let folder: RunFolder
    /// The first batch of the run; nil where it is resumed.
    private(set) var firstBatch: Image?
    /// The predictions of the last validation.
    private(set) var predictions: [PredictionRank: Image] = [:]

    init(_ folder: RunFolder) {
        self.folder = folder
    }

    func trainingWillStart(_ trainer: Trainer) throws {
        guard trainer.position.step == 0 else { return }
        let batches = trainer.batches
        let batch = try batches.batch(batches.order(of: 0)[0], index: 0, epoch: 0)
        let sheet = trainingSheet(
            batch.examples.map { example in
                TrainingExample(
                    image: example.image, label: example.object.cropped(to: example.extent),
                    foregroundPoints: example.prompt.foregroundPoints,
                    backgroundPoints: example.prompt.backgroundPoints, box: example.prompt.box,
                    name: example.sample.id)
            })
        try sheet.write(to: folder.trainingBatch())
        firstBatch = sheet
    }

    /// Predicts the few drawn cases again, so that the validation need not hold all its images.
    func validationDidEnd(_ result: Validation.Result, isBest: Bool, _ trainer: Trainer) throws {
        guard let validation = trainer.validation else { return }
        for rank in PredictionRank.allCases {
            // Objects that are not in their images have Dice 1 or 0; thirds do not overlap.
            let cases = result.present.isEmpty ? result.cases : result.present
            let selected = rank.selected(
                of: cases.map(\.dice), count: min(8, max(cases.count / 3, 1)))
            guard !selected.isEmpty else { continue }
            let sheet = predictionSheet(
                try validation.images(of: selected.map { cases[$0] }))
            try sheet.write(to: folder.predictions(rank))
            predictions[rank] = sheet
        }
    }
}

/// Writes `per_case.csv`: one row for each case of the last validation.
final class CaseWriter: TrainingObserver {
    private let folder: RunFolder

    init(_ folder: RunFolder) {
        self.folder = folder
    }

    func validationDidEnd(_ result: Validation.Result, isBest: Bool, _ trainer: Trainer) throws {
        var table = CaseTable(
            columns: [
                "dataset", "name", "class", "patient", "prompt", "dice", "iou", "iou_estimate",
            ])
        for one in result.cases {
            let sample = result.samples[one.number]
            table.append(
                [
                    sample.dataset, sample.name, "\(sample.label)", sample.patient ?? "",
                    "\(one.strategy)", "\(one.dice)", "\(one.iou)", "\(one.estimate)",
                ])
        }
        try table.write(to: folder.cases)
    }
}

/// Writes `run.json`.
final class RecordWriter: TrainingObserver {
    private let folder: RunFolder
    private var record: RunRecord

    /// - Parameters:
    ///   - folder: the run's folder.
    ///   - record: the record of a new run, or of the run with this start added.
    /// - Throws: ``RunFolderError``.
    init(_ folder: RunFolder, _ record: RunRecord) throws(RunFolderError) {
        self.folder = folder
        self.record = record
        try record.write(to: folder.record)
    }

    func trainingDidEnd(_ end: TrainingEnd, _ trainer: Trainer) throws {
        record.end = end.rawValue
        record.finish()
        try record.write(to: folder.record)
    }
}

/// Writes `model_card.md`.
final class ModelCardWriter: TrainingObserver {
    private let folder: RunFolder
    private let weights: TrainedWeights
    private let results: ResultsWriter

    init(_ folder: RunFolder, _ weights: TrainedWeights, results: ResultsWriter) {
        self.folder = folder
        self.weights = weights
        self.results = results
    }

    func trainingDidEnd(_ end: TrainingEnd, _ trainer: Trainer) throws {
        let configuration = trainer.configuration
        let batches = trainer.batches
        let splits = [("train", batches.samples), ("val", trainer.validation?.samples ?? [])]
        let prompts = trainer.validation?.strategies.map(\.description).joined(separator: " and ")
        let figures = results.bestRow(trainer).filter { $0.key.hasPrefix("val/dice/") }
        let card = ModelCard(
            name: "\(weights.architecture.text(weights.configuration)), "
                + "\(folder.path.split(separator: "/").last ?? "run")",
            summary: "\(weights.architecture.rawValue) for ultrasound images; \(weights.origin).",
            licence: weights.licence, start: weights.origin,
            data: Set(batches.samples.map(\.dataset)).sorted().map { name in
                .init(
                    name: name,
                    images: splits.map { split, samples in
                        (split, Set(samples.filter { $0.dataset == name }.map(\.image)).count)
                    })
            },
            recipe: (weights.classes.map { [("classes", $0.text)] } ?? []) + [
                ("prompts", "\(batches.prompts)"), ("epochs", "\(trainer.position.epoch)"),
                ("optimizer steps", "\(trainer.position.step)"),
                ("batch", "\(batches.size * batches.processes * configuration.accumulate)"),
                (
                    "learning rate",
                    "\(configuration.learningRate), \(configuration.schedule.rawValue)"
                ),
                ("optimizer", configuration.optimizer == .adamw ? "AdamW" : "Adam"),
                ("weight decay", "\(configuration.effectiveWeightDecay)"),
                (
                    "precision",
                    configuration.precision == .f32
                        ? "float32" : "\(configuration.precision.dtype) autocast"
                ),
                ("seed", "\(configuration.seed)"),
                ("time", "\(Int(trainer.position.seconds / 60)) min"),
            ],
            figures: figures.sorted { $0.key < $1.key }.map {
                .init(
                    data: String($0.key.dropFirst("val/dice/".count)) + ", validation",
                    prompt: prompts ?? "prompt-free", metric: "Dice", value: $0.value)
            },
            limits: [
                "The figures are those of the validation set that selected these weights, at the "
                    + "input's resolution: measure on a held-out test set with 'samus evaluate'."
            ])
        try card.write(to: folder.modelCard)
    }
}
