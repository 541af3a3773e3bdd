import Datasets
import Segmentation

/// What follows from the options: the sizes and the adapter of the network, and the prompts of its validation.
extension TrainingConfiguration {
    /// Sizes of a new network; nil for those that follow from the weights it starts from.
    ///
    /// - Parameter architecture: the network.
    /// - Returns: the sizes of the recipe's options.
    /// - Throws: ``TrainingError/option(_:)`` for sizes that do not go together.
    func newConfiguration(
        of architecture: ModelArchitecture?
    ) throws(TrainingError) -> ModelConfiguration? {
        guard let without else {
            guard from == nil else { return nil }
            if let standard = architecture?.defaultConfiguration { return standard }
            var sizes = try newSizes()
            // A new network has the adapters and classes of the published one.
            if case .sam(let published) = architecture?.published.first {
                sizes.adapter = published.adapter
                sizes.classes = published.classes
                sizes.decoder.candidates = published.decoder.candidates
            }
            return .sam(sizes)
        }
        guard let parts = SAMUSLiteParts(without: without) else {
            throw .option(
                "--without \(without): cnn-branch, cross-branch-attention or feature-adapters, "
                    + "separated by commas")
        }
        guard architecture == .samusLite else {
            throw .option("--without is for --network samus-lite")
        }
        return .lite(parts)
    }

    /// The adapter of the network, by method or by the architecture's own.
    ///
    /// - Parameter architecture: the network; nil for that of the weights in `from`.
    /// - Returns: nil for the adapter that weights or architecture have.
    /// - Throws: ``TrainingError/option(_:)`` for options that do not go together.
    func chosenAdapter(
        for architecture: ModelArchitecture?
    ) throws(TrainingError) -> EncoderAdapter? {
        guard adapter == nil || recipe == .adapter else {
            throw .option(
                "--adapter \(adapter?.rawValue ?? "") goes with --recipe adapter, not with "
                    + recipe.rawValue)
        }
        let method = adapter ?? (architecture == .samed ? .samed : nil)
        let chosen = method?.adapter(rank: loraRank)
        if case .lowRank = chosen { return chosen }
        guard loraRank == Self.default.loraRank else {
            throw .option("--lora-rank \(loraRank) needs --adapter lora or samed")
        }
        return chosen
    }

    /// Sizes of a new SAM, SAMUS or AutoSAMUS.
    ///
    /// - Throws: ``TrainingError/option(_:)`` for sizes that do not go together.
    func newSizes() throws(TrainingError) -> SAMConfiguration {
        guard (16...4096).contains(width), (1...64).contains(depth) else {
            throw .option("--width takes 16 to 4096, --depth 1 to 64")
        }
        let heads = heads ?? max(width / 64, 1)
        guard heads > 0, width % heads == 0 else {
            throw .option("--width \(width) is not divisible by --heads \(heads)")
        }
        var blocks = Array(stride(from: 2, to: depth, by: 3))
        if let globalBlocks {
            blocks = []
            for word in globalBlocks.split(separator: ",") {
                guard let block = Int(word), (0..<depth).contains(block) else {
                    throw .option("--global-blocks \(word): numbers from 0 to \(depth - 1)")
                }
                blocks.append(block)
            }
        }
        return SAMConfiguration(
            width: width, depth: depth, heads: heads, globalBlocks: blocks,
            imageSize: inputSize ?? 256)
    }

    /// Prompt strategies of the validation.
    ///
    /// - Parameters:
    ///   - prompts: the strategies of training.
    ///   - architecture: the network.
    /// - Returns: one or more strategies.
    /// - Throws: ``TrainingError/option(_:)`` for a strategy that cannot be validated with.
    func validationStrategies(
        trainedWith prompts: PromptMix, for architecture: ModelArchitecture
    ) throws(TrainingError) -> [PromptStrategy] {
        guard let text = validationPrompts else {
            let kinds = prompts.promptKinds
            return (kinds.contains(.click) ? [.fixedClick] : [])
                + (kinds.contains(.box) ? [.box()] : [])
                + (prompts.containsPromptFree ? [.promptFree] : [])
        }
        // Former versions called the fixed click 'click'.
        let strategies = PromptStrategy.list(text)?.map { $0 == .clicks(1) ? .fixedClick : $0 }
        guard let strategies,
            strategies.allSatisfy({
                $0.promptCount == 1 && !$0.needsModelInLoop && $0 != .onNothing(1)
            })
        else {
            throw .option(
                "--validation-prompts \(text): fixed, box or prompt-free, separated by commas")
        }
        guard architecture.isPromptFree || !strategies.contains(.promptFree) else {
            throw .option(
                "--validation-prompts prompt-free: \(architecture.rawValue) needs a prompt")
        }
        return strategies
    }
}
