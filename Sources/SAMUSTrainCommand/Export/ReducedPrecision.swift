import Export
import Foundation
import Imaging
import Inference
import SAMUSCommand
import Segmentation
import TorchEngine
import Ultrasound

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
        var progress = ProgressBar(total: data.pictures.count)
        var layers = try Failure.unavailable.guarding {
            try exporter.calibrated(on: data.pictures) { done, all in
                progress.show(done: done * data.pictures.count / all, name: "calibration")
            }
        }
        progress.clear()
        let reference = try Failure.unavailable.guarding { try masks(of: exporter.engine) }
        for round in 1...Self.rounds {
            layers.agreement = try Failure.unavailable.guarding {
                try agreement(of: .int8, layers, with: reference)
            }
            guard let all = layers.agreement.last else { break }
            let words = String(format: "mean %.4f, least %.4f", all.meanDice, all.leastDice)
            Terminal.complain(
                "\(layers.counts.integers) of \(layers.counts.all) layers in integers: Dice \(words)"
            )
            if all.meanDice >= Self.leastMean && all.leastDice >= Self.leastSingle { break }
            guard round < Self.rounds else {
                Terminal.complain(
                    "warning: masks differ from float32's by more than is good: see the table")
                break
            }
            layers.keepMostSensitive(0.15)
        }
        return layers
    }

    /// How masks agree with float32's.
    func agreement(of precision: ModelBundle.Manifest.Precision) throws -> [MaskAgreement] {
        try Failure.unavailable.guarding {
            try agreement(of: precision, nil, with: masks(of: exporter.engine))
        }
    }

    private func agreement(
        of precision: ModelBundle.Manifest.Precision, _ layers: QuantizedLayers?,
        with reference: [Mask]
    ) throws -> [MaskAgreement] {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("samus-export-\(UUID()).samus")
        defer { try? FileManager.default.removeItem(at: folder) }
        try exporter.writeBundle(
            named: "candidate", precision: precision, layers: layers, to: folder.path)
        let engine = try BundleEngine(ModelBundle(folder), cache: nil)
        return try MaskAgreement.measure(
            try masks(of: engine), against: reference, of: data.objects)
    }

    private func masks(of engine: any SegmentationEngine) throws -> [Mask] {
        var progress = ProgressBar(total: data.objects.count)
        defer { progress.clear() }
        return try MaskAgreement.masks(of: engine, on: data.objects, prompt: prompt) {
            progress.show(done: $0, name: "comparing masks")
        }
    }

    /// A prompt that the model was trained with.
    private var prompt: LabelPrompt {
        if let prompt = data.prompt { return prompt }
        let trained = exporter.model.trainedPrompts ?? exporter.model.kind.trainedPrompts
        if trained.contains(.click) { return .fixed }
        return trained.contains(.box) ? .box(growth: 0) : .unprompted
    }
}
