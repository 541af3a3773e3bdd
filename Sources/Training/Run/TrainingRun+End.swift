import Imaging
import TorchNN

extension TrainingRun {
    /// Writes what people look at when a run has ended.
    func finish(_ end: End) throws -> End {
        guard isFirst else { return end }
        record.end = end.rawValue
        record.finish()
        try record.write(to: folder.record)
        if let validation = lastValidation {
            try writePredictions(validation)
            try writeCases(validation)
        }
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
        return end
    }

    /// Writes the first batch as the network sees it.
    func writeFirstBatch() throws {
        guard isFirst else { return }
        let batches = trainer.batches
        let batch = try batches.batch(batches.order(of: 0)[0], place: 0, epoch: 0)
        let examples = batch.examples.map { example in
            TrainingExample(
                image: example.picture, label: example.inside.cropped(to: example.extent),
                clicks: example.prompt.points, negativeClicks: example.prompt.negatives,
                box: example.prompt.box, name: example.sample.id)
        }
        let sheet = trainingSheet(examples)
        try sheet.write(to: folder.trainingBatch())
        try events.add(sheet, tag: "train_batch0", step: 0)
    }

    private func writePredictions(_ validation: Validation.Result) throws {
        let cases = validation.cases
        for rank in PredictionRank.allCases {
            let chosen = rank.chosen(of: cases.map(\.dice), count: 8).map { cases[$0] }
            guard !chosen.isEmpty else { continue }
            let sheet = predictionSheet(
                chosen.map { one in
                    PredictionExample(
                        image: one.picture, label: one.reference, prediction: one.found,
                        dice: one.dice, clicks: one.prompt.points,
                        box: one.prompt.box, name: "\(one.sample.id) \(one.pointing.rawValue)")
                })
            try sheet.write(to: folder.predictions(rank))
            try events.add(sheet, tag: "val_pred_\(rank.rawValue)", step: trainer.position.step)
        }
        try events.flush()
    }

    private func writeCases(_ validation: Validation.Result) throws {
        var table = CaseTable(
            columns: [
                "dataset", "name", "class", "patient", "prompt", "dice", "iou", "iou_estimate",
            ])
        for one in validation.cases {
            table.append(
                [
                    one.sample.dataset, one.sample.name, "\(one.sample.label)",
                    one.sample.patient ?? "", one.pointing.rawValue,
                ] + [one.dice, one.iou, one.estimate].map { "\($0)" })
        }
        try table.write(to: folder.cases)
    }

    private func row(_ index: Int) -> [String: Double]? {
        guard results.rows.indices.contains(index) else { return nil }
        return zip(results.columns, results.rows[index]).reduce(into: [:]) { $0[$1.0] = $1.1 }
    }

    /// The row of the best validation.
    private var bestRow: [String: Double]? {
        trainer.position.bestEpoch.flatMap { row($0) }
    }

    private var card: ModelCard {
        let settings = trainer.settings
        let batches = trainer.batches
        func counts(_ set: String) -> [(split: String, count: Int)] {
            let parts = [("train", batches.samples), ("val", validation?.samples ?? [])]
            return parts.map { name, samples in
                (name, Set(samples.filter { $0.dataset == set }.map(\.picture)).count)
            }
        }
        let pointings = validation?.pointings.map(\.rawValue).joined(separator: " and ") ?? ""
        let best = bestRow ?? [:]
        return ModelCard(
            name:
                "\(weights.kind.text(weights.sizes)), \(folder.path.split(separator: "/").last ?? "run")",
            summary: "\(weights.kind.rawValue) for ultrasound pictures; \(weights.origin).",
            licence: weights.licence, start: weights.origin,
            data: Set(batches.samples.map(\.dataset)).sorted().map {
                .init(name: $0, pictures: counts($0))
            },
            recipe: [
                ("prompts", "\(batches.prompts)"), ("epochs", "\(trainer.position.epoch)"),
                ("optimizer steps", "\(trainer.position.step)"),
                ("batch", "\(batches.size * batches.processes * settings.accumulation)"),
                ("learning rate", "\(settings.learningRate), \(settings.shape)"),
                ("optimizer", settings.isDecoupled ? "AdamW" : "Adam"),
                ("weight decay", "\(settings.weightDecay)"),
                ("precision", settings.isBFloat16 ? "bfloat16 autocast" : "float32"),
                ("seed", "\(settings.seed)"),
                ("time", "\(Int(trainer.position.seconds / 60)) min"),
            ],
            figures: best.filter { $0.key.hasPrefix("val/dice/") }.sorted { $0.key < $1.key }.map {
                .init(
                    data: String($0.key.dropFirst("val/dice/".count)) + ", validation",
                    prompt: pointings.isEmpty ? "none" : pointings, metric: "Dice",
                    value: $0.value)
            },
            limits: [
                "The figures are of the validation set that chose these weights, at the input's "
                    + "resolution: 'samus evaluate' measures on a test set."
            ])
    }
}
