import ArgumentParser
import Commands
import Datasets
import Export
import Foundation
import Imaging
import Inference
import Segmentation
import TorchEngine

/// What less precision does to masks; chooses the layers that are computed in 8-bit integers: as many
/// as leave masks as they are.
struct ReducedPrecision {
    /// What masks have to reach against float32's.
    static let leastMean = 0.99
    static let leastSingle = 0.95
    /// Rounds in which further layers are kept in float32.
    private static let rounds = 6

    let exporter: Exporter
    let data: CalibrationData

    init(_ exporter: Exporter, _ data: CalibrationData) {
        self.exporter = exporter
        self.data = data
    }

    /// - Returns: the layers, and how masks agree.
    /// - Throws: an exit code, its reason said.
    func integers() throws -> QuantizedLayers {
        var progress = ProgressBar(total: data.images.count)
        var layers = try withExitStatus(.unavailable) {
            try exporter.calibrated(on: data.images) { done, all in
                progress.show(done: done * data.images.count / all, name: "calibration")
            }
        }
        progress.clear()
        // Half of the objects choose, the others tell how good the choice is.
        let choosing = data.objects.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
        let telling = data.objects.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        try withExitStatus(.unavailable) {
            let reference = try masks(of: exporter.engine, on: choosing)
            for round in 1...Self.rounds {
                let found = try agreement(of: .int8, layers, on: choosing, with: reference)
                Terminal.log(
                    "\(layers.counts.integers) of \(layers.counts.all) layers in integers: "
                        + Self.words(found))
                if Self.isGood(found) || round == Self.rounds { break }
                layers.keepMostSensitive(0.15)
            }
            let told = telling.isEmpty ? choosing : telling
            layers.agreement = try agreement(
                of: .int8, layers, on: told, with: masks(of: exporter.engine, on: told))
        }
        if !Self.isGood(layers.agreement) {
            Terminal.log(
                "warning: masks differ from float32's by more than is good: "
                    + Self.words(layers.agreement))
        }
        return layers
    }

    private static func isGood(_ agreement: [MaskAgreement]) -> Bool {
        agreement.last.map { $0.meanDice >= leastMean && $0.leastDice >= leastSingle } ?? false
    }

    private static func words(_ agreement: [MaskAgreement]) -> String {
        agreement.last.map {
            String(format: "Dice mean %.4f, least %.4f", $0.meanDice, $0.leastDice)
        } ?? "no object was compared"
    }

    /// How masks agree with float32's.
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

    private var prompt: PromptStrategy {
        data.prompt ?? PromptStrategy(exporter.model.defaultPrompt)
    }
}

/// Images that 8-bit layers are made fit with, as asked for on the command line.
struct CalibrationOptions: ParsableArguments {
    @Option(
        name: .customLong("calibrate"),
        help: ArgumentHelp("Data sets in US30K layout.", valueName: "root"),
        completion: .directory)
    var root: String?

    @Option(
        help: ArgumentHelp(
            "Images of the train lists to take ranges from, evenly over all data sets.",
            valueName: "n"))
    var calibrationImages = 32

    @Option(
        help: ArgumentHelp(
            "Objects of the val lists to compare masks on, evenly over all data sets: with int8 half "
                + "of them choose the layers, and the table is of the others.",
            valueName: "n"))
    var comparedObjects = 48

    @Option(
        help: "Prompt of each object: fixed (a click), box or prompt-free (default: as trained).")
    var prompt: PromptStrategy?

    func validate() throws {
        if let prompt, prompt.promptCount > 1 || prompt.needsModelInLoop {
            throw ValidationError("--prompt: one prompt an object is needed, not \(prompt)")
        }
        guard (1...10_000).contains(calibrationImages), (1...10_000).contains(comparedObjects)
        else {
            throw ValidationError(
                "--calibration-images and --compared-objects: numbers from 1 to 10000")
        }
    }
}

extension PromptStrategy: ExpressibleByArgument {}

/// The images and objects chosen.
struct CalibrationData {
    let images: [Image]
    let objects: [Sample]
    let prompt: PromptStrategy?

    init(_ root: String, _ options: CalibrationOptions) throws {
        let data = try DatasetCollection(root: root)
        images = try Self.spread(
            try data.samples(.train), options.calibrationImages, once: true
        ).map { try $0.read().image }
        objects = Self.spread(try data.samples(.val), options.comparedObjects, once: false)
        prompt = options.prompt
    }

    /// Samples evenly over data sets, and evenly over the list of each.
    private static func spread(_ samples: [Sample], _ count: Int, once: Bool) -> [Sample] {
        var seen: Set<String> = []
        let kept = samples.filter { !once || seen.insert($0.image).inserted }
        let sets = Dictionary(grouping: kept) { $0.dataset }.sorted { $0.key < $1.key }
        let share = max(1, count / max(1, sets.count))
        return sets.flatMap { _, samples in
            let taken = min(share, samples.count)
            return (0..<taken).map { samples[$0 * samples.count / taken] }
        }
    }
}
