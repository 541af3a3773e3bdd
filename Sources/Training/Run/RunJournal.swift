import Imaging
import TorchNN

/// What a run writes into its folder while it goes on; of several processes the first has one.
final class RunJournal {
    let trainer: Trainer
    let folder: RunFolder
    let weights: TrainedWeights
    let validation: Validation?
    private let state: TrainingState
    private(set) var results: ResultsTable
    private let events: EventWriter
    private var record: RunRecord
    private var lastKept = ContinuousClock.now
    /// Whether a loss came of the weights kept last, so that they can be gone on with.
    private var isProven: Bool
    /// Whether the state before that one is kept too, or there was none.
    private var canGoBack = true
    private var sheets: [PredictionRank: Image] = [:]

    /// Begins a journal, or goes on with the folder's at the trainer's step.
    ///
    /// - Parameters:
    ///   - trainer: at the step it begins with.
    ///   - folder: of the run, locked.
    ///   - state: where the run can be gone on from.
    ///   - weights: writes them.
    ///   - validation: runs after each epoch; nil for none.
    ///   - record: of a new run; nil to go on with the folder's.
    /// - Throws: ``RunFolderError``.
    init(
        _ trainer: Trainer, folder: RunFolder, state: TrainingState, weights: TrainedWeights,
        validation: Validation?, record: RunRecord?
    ) throws(RunFolderError) {
        self.trainer = trainer
        self.folder = folder
        self.state = state
        isProven = !state.hasAside
        self.weights = weights
        self.validation = validation
        let samples = validation?.samples ?? []
        let columns = ResultsTable.columns(
            sets: Set(samples.map { "\($0.dataset)#\($0.label)" }).sorted())
        if let record {
            results = try ResultsTable(creating: folder.results, columns: columns)
            events = try EventWriter(folder: folder.path)
            self.record = record
        } else {
            let step = trainer.position.step
            results = try ResultsTable(
                resuming: folder.results, columns: columns, keepingUpTo: step)
            events = try EventWriter(folder: folder.path, resumingAt: step)
            self.record = try RunRecord.read(folder.record)
            self.record.resumes.append(.init(step: step))
        }
        try self.record.write(to: folder.record)
    }

    /// Draws the first batch as the network sees it.
    func begin() throws {
        let batches = trainer.batches
        let batch = try batches.batch(batches.order(of: 0)[0], place: 0, epoch: 0)
        let sheet = trainingSheet(
            batch.examples.map { example in
                TrainingExample(
                    image: example.image, label: example.inside.cropped(to: example.extent),
                    clicks: example.prompt.foregroundPoints,
                    negativeClicks: example.prompt.backgroundPoints,
                    box: example.prompt.box, name: example.sample.id)
            })
        try sheet.write(to: folder.trainingBatch())
        try events.add(sheet, tag: "train_batch0", step: 0)
    }

    /// Notes a step.
    ///
    /// - Returns: whether it is time to keep the state; not while the loss is far from its lowest.
    func step(_ report: StepReport) throws -> StepWish {
        if !isProven { state.forgetAside() }
        isProven = true
        guard let norm = report.gradientNorm else { return [] }
        events.add(
            [
                "train/loss": report.loss, "train/bce": report.crossEntropy,
                "train/dice_loss": report.dice, "lr": report.learningRate, "grad_norm": norm,
            ], step: report.step)
        let isDue = (ContinuousClock.now - lastKept).inSeconds > trainer.settings.keepEvery
        let position = trainer.position
        let isSound = (position.smoothedLoss ?? 0) <= 1.5 * (position.lowestLoss ?? .infinity)
        return isDue && isSound && report.batch < report.batches ? .keep : []
    }

    /// Writes all that is needed for going on; the state before stays until a loss came of this one.
    func keep() throws {
        try events.flush()
        if isProven { canGoBack = state.setAside() }
        try state.write(
            network: trainer.network, optimizer: trainer.optimizer, average: trainer.average,
            position: trainer.position)
        isProven = false
        lastKept = .now
    }

    /// Goes back to the state before the one kept last where no finite loss came of that.
    func discardUnproven() throws {
        if !isProven && canGoBack { try state.restore() }
    }

    /// Writes the weights of a training that ends within an epoch.
    func writeLast() throws {
        try write(to: folder.lastWeights, dice: nil)
    }

    /// Draws the worst, the median and the best cases of a validation, and keeps the best weights.
    ///
    /// These few are found once more, so that no validation holds all its images in memory.
    ///
    /// - Parameters:
    ///   - result: of the weights that the network has now.
    ///   - isBest: whether none was better.
    /// - Throws: what reading images and writing files throws.
    func validated(_ result: Validation.Result, isBest: Bool) throws {
        for rank in PredictionRank.allCases {
            let chosen = rank.chosen(of: result.cases.map(\.dice), count: 8)
            guard let validation, !chosen.isEmpty else { continue }
            let cases = chosen.map { result.cases[$0] }
            let sheet = predictionSheet(try validation.images(of: cases, trainer))
            try sheet.write(to: folder.predictions(rank))
            sheets[rank] = sheet
        }
        var table = CaseTable(
            columns: [
                "dataset", "name", "class", "patient", "prompt", "dice", "iou", "iou_estimate",
            ])
        for one in result.cases {
            let sample = result.samples[one.number]
            table.append(
                [
                    sample.dataset, sample.name, "\(sample.label)", sample.patient ?? "",
                    one.pointing.description,
                ] + [one.dice, one.iou, one.estimate].map { "\($0)" })
        }
        try table.write(to: folder.cases)
        if isBest { try write(to: folder.bestWeights, dice: result.meanDice) }
    }

    /// Notes an epoch, whose weights the network has now.
    ///
    /// - Parameter row: its row of `results.csv`.
    /// - Throws: what writing files throws.
    func epoch(_ row: [String: Double]) throws {
        try write(to: folder.lastWeights, dice: row["val/dice"])
        try results.append(row)
        events.add(
            row.filter { $0.key.hasPrefix("val/") || $0.key == "images_per_s" },
            step: trainer.position.step)
        if let image = results.image() { try image.write(to: folder.resultsImage) }
    }

    /// Writes what people look at when a run has ended.
    func finish(_ end: TrainingRun.End) throws {
        record.end = end.rawValue
        record.finish()
        try record.write(to: folder.record)
        for (rank, sheet) in sheets.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            try events.add(sheet, tag: "val_pred_\(rank.rawValue)", step: trainer.position.step)
        }
        try events.flush()
        let network = trainer.network
        try RunSummary(
            epochs: trainer.position.epoch, steps: trainer.position.step,
            seconds: trainer.position.seconds, bestStep: bestRow?["step"].map { Int($0) },
            best: bestRow ?? [:], last: row(results.rows.count - 1) ?? [:],
            trainedParameters: network.trainable.reduce(0) { $0 + $1.value.elementCount },
            parameters: network.parameters.reduce(0) { $0 + $1.value.elementCount },
            end: end.rawValue
        ).write(to: folder.summary)
        try card.write(to: folder.modelCard)
        if isProven || end == .finished || end == .patience { state.forgetAside() }
    }

    /// The row of the best validation.
    var bestRow: [String: Double]? {
        trainer.position.bestEpoch.flatMap { row($0) }
    }

    private func row(_ index: Int) -> [String: Double]? {
        guard results.rows.indices.contains(index) else { return nil }
        return zip(results.columns, results.rows[index]).reduce(into: [:]) { $0[$1.0] = $1.1 }
    }

    private func write(to path: String, dice: Double?) throws {
        var remarks = [
            "samus.training.epoch": "\(trainer.position.epoch + 1)",
            "samus.training.step": "\(trainer.position.step)",
        ]
        remarks["samus.training.val_dice"] = dice.map { String(format: "%.4f", $0) }
        try weights.write(trainer.network, remarks: remarks, to: path)
    }
}
