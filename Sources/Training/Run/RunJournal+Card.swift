extension RunJournal {
    /// What the weights are, for people.
    var card: ModelCard {
        let settings = trainer.settings
        let batches = trainer.batches
        func counts(_ set: String) -> [(split: String, count: Int)] {
            let parts = [("train", batches.samples), ("val", validation?.samples ?? [])]
            return parts.map { name, samples in
                (name, Set(samples.filter { $0.dataset == set }.map(\.image)).count)
            }
        }
        let pointings = validation?.pointings.map(\.description).joined(separator: " and ") ?? ""
        let best = bestRow ?? [:]
        return ModelCard(
            name:
                "\(weights.kind.text(weights.configuration)), \(folder.path.split(separator: "/").last ?? "run")",
            summary: "\(weights.kind.rawValue) for ultrasound images; \(weights.origin).",
            licence: weights.licence, start: weights.origin,
            data: Set(batches.samples.map(\.dataset)).sorted().map {
                .init(name: $0, images: counts($0))
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
                    prompt: pointings.isEmpty ? "prompt-free" : pointings, metric: "Dice",
                    value: $0.value)
            },
            limits: [
                "The figures are of the validation set that chose these weights, at the input's "
                    + "resolution: 'samus evaluate' measures on a test set."
            ])
    }
}
