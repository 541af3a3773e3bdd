import ArgumentParser
import Commands
import Datasets
import Export
import Foundation
import Imaging
import Inference
import Segmentation
import TorchEngine

/// Compares masks at reduced precision with float32's, and chooses the layers to compute in 8-bit
/// integers: as many as possible while masks agree well.
struct ReducedPrecision {
    /// Dice that masks should reach against float32's: on average, and each of them.
    private static let requiredMeanDice = 0.99
    private static let requiredMinDice = 0.95
    /// Rounds, each of which moves the most sensitive layers back to float32.
    private static let rounds = 6
    /// Share of the layers that a round moves.
    private static let movedShare = 0.15

    let exporter: Exporter
    let data: CalibrationData

    init(_ exporter: Exporter, _ data: CalibrationData) {
        self.exporter = exporter
        self.data = data
    }

    /// Calibrates 8-bit integers and chooses the layers that use them.
    ///
    /// - Returns: the layers, and how masks agree on objects that did not take part in the choice.
    /// - Throws: `ExitError`.
    func chooseIntegerLayers() throws -> QuantizedLayers {
        var progress = ProgressBar(total: data.images.count)
        var layers = try withExitStatus(.unavailable) {
            try exporter.calibrate(on: data.images) { done, all in
                progress.show(done: done * data.images.count / all, name: "calibration")
            }
        }
        progress.clear()
        // Half of the objects choose the layers, the other half measures the result.
        let choosing = data.objects.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
        let measuring = data.objects.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        try withExitStatus(.unavailable) {
            let reference = try masks(of: exporter.engine, on: choosing)
            for round in 1...Self.rounds {
                let agreement = try agreement(of: .int8, layers, on: choosing, with: reference)
                Terminal.log(
                    "\(layers.counts.integer) of \(layers.counts.all) layers in integers: "
                        + Self.summary(agreement))
                if Self.isSufficient(agreement) || round == Self.rounds { break }
                layers.excludeMostSensitive(Self.movedShare)
            }
            let objects = measuring.isEmpty ? choosing : measuring
            layers.agreement = try agreement(
                of: .int8, layers, on: objects, with: masks(of: exporter.engine, on: objects))
        }
        if !Self.isSufficient(layers.agreement) {
            Terminal.log(
                "warning: masks differ from float32's more than they should: "
                    + Self.summary(layers.agreement))
        }
        return layers
    }

    private static func isSufficient(_ agreement: [MaskAgreement]) -> Bool {
        agreement.last.map { $0.meanDice >= requiredMeanDice && $0.minDice >= requiredMinDice }
            ?? false
    }

    private static func summary(_ agreement: [MaskAgreement]) -> String {
        agreement.last.map {
            String(format: "mean Dice %.4f, min Dice %.4f", $0.meanDice, $0.minDice)
        } ?? "no object was compared"
    }

    /// How masks at a precision agree with float32's, for a precision that needs no calibration.
    func agreement(of precision: ModelBundle.Manifest.Precision) throws -> [MaskAgreement] {
        try withExitStatus(.unavailable) {
            try agreement(
                of: precision, nil, on: data.objects,
                with: masks(of: exporter.engine, on: data.objects))
        }
    }

    private func agreement(
        of precision: ModelBundle.Manifest.Precision, _ layers: QuantizedLayers?,
        on objects: [Sample], with reference: [Mask]
    ) throws -> [MaskAgreement] {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("samus-export-\(UUID()).samus")
        defer { try? FileManager.default.removeItem(at: folder) }
        try exporter.writeBundle(
            named: "candidate", precision: precision, layers: layers, to: folder.path)
        let engine = try BundleEngine(ModelBundle(folder), cache: nil)
        return try MaskAgreement.measure(
            try masks(of: engine, on: objects), against: reference, of: objects)
    }

    private func masks(
        of engine: any SegmentationEngine, on objects: [Sample]
    ) throws -> [Mask] {
        var progress = ProgressBar(total: objects.count)
        defer { progress.clear() }
        return try MaskAgreement.masks(of: engine, on: objects, prompt: prompt) {
            progress.show(done: $0, name: "comparing masks")
        }
    }

    /// The kind of prompt from the command line, or one that the model was trained with.
    private var prompt: PromptStrategy {
        data.prompt ?? PromptStrategy(exporter.model.defaultPrompt)
    }
}

/// Options of calibration and of the comparison of masks.
struct CalibrationOptions: ParsableArguments {
    @Option(
        name: .customLong("calibrate"),
        help: ArgumentHelp("Datasets in US30K layout.", valueName: "root"),
        completion: .directory)
    var root: String?

    @Option(
        help: ArgumentHelp(
            "Images of the train lists to measure ranges on, evenly from all datasets.",
            valueName: "n"))
    var calibrationImages = 32

    @Option(
        help: ArgumentHelp(
            "Objects of the val lists to compare masks on, evenly from all datasets; with int8, half "
                + "of them choose the layers and the other half gives the table.",
            valueName: "n"))
    var comparedObjects = 48

    @Option(
        help: "Prompt of each object: fixed (a point), box or prompt-free (default: as trained).")
    var prompt: PromptStrategy?

    func validate() throws {
        if let prompt, prompt.promptCount > 1 || prompt.needsModelInLoop {
            throw ValidationError(
                "--prompt \(prompt): a kind with one prompt for each object is needed")
        }
        guard (1...10_000).contains(calibrationImages), (1...10_000).contains(comparedObjects)
        else {
            throw ValidationError(
                "--calibration-images and --compared-objects: numbers from 1 to 10000")
        }
    }
}

extension PromptStrategy: ExpressibleByArgument {}

/// The images and objects that calibration uses.
struct CalibrationData {
    let images: [Image]
    let objects: [Sample]
    let prompt: PromptStrategy?

    init(_ root: String, _ options: CalibrationOptions) throws {
        let data = try DatasetCollection(root: root)
        images = try Self.evenly(
            Self.oneForEachImage(data.samples(.train)), options.calibrationImages
        )
        .map { try $0.read().image }
        objects = Self.evenly(try data.samples(.val), options.comparedObjects)
        prompt = options.prompt
    }

    private static func oneForEachImage(_ samples: [Sample]) -> [Sample] {
        var seen: Set<String> = []
        return samples.filter { seen.insert($0.image).inserted }
    }

    /// Samples chosen evenly from the datasets, and evenly from the list of each.
    private static func evenly(_ samples: [Sample], _ count: Int) -> [Sample] {
        let sets = Dictionary(grouping: samples) { $0.dataset }.sorted { $0.key < $1.key }
        let share = max(1, count / max(1, sets.count))
        return sets.flatMap { _, samples in
            let taken = min(share, samples.count)
            return (0..<taken).map { samples[$0 * samples.count / taken] }
        }
    }
}
