import Checkpoints
import Foundation
import Inference
import Segmentation

/// The model that a command was given, opened and still to be made an engine.
struct ChosenModel {
    private enum Source {
        case bundle(ModelBundle)
        case checkpoint(Checkpoint, any EngineProvider)
    }

    let path: String
    let model: ModelDescription
    /// Masks it offers for an ambiguous prompt.
    let candidates: Int
    /// Multiplications with addition that encoding an image takes, where that is known.
    let macs: Int?
    /// What to say about a model that nobody vouched for.
    let notes: [String]
    private let source: Source

    /// Opens the model that the options name: a bundle, or a checkpoint where this program has
    /// libtorch.
    ///
    /// - Throws: ``ModelError``; where a checkpoint needs libtorch, it does not come back.
    init(_ options: EngineOptions) throws {
        guard let bundle = options.bundle else {
            guard let provider = EngineProviders.current else { try Handover.toTrain() }
            let file = try ModelFile(options.model, provider: provider)
            path = file.path
            model = file.model
            candidates = file.configuration.candidates
            macs = nil
            notes = file.notes
            source = .checkpoint(file.checkpoint, provider)
            return
        }
        let opened = try ModelBundle(named: options.model, at: bundle)
        guard RuntimeOptions.Device(options.device) != nil else {
            throw ModelError.deviceOfCheckpoints(path: bundle, device: options.device.rawValue)
        }
        path = bundle
        model = opened.model
        candidates = opened.manifest.candidates
        macs = opened.manifest.macs
        let isKnown = ModelCatalog.entries.contains { $0.name == options.model }
        notes =
            isKnown
            ? []
            : [
                "note: \(model.name) is \(model.kind.rawValue) (\(opened.manifest.encoder), input "
                    + "\(opened.manifest.input.size)x\(opened.manifest.input.size)), "
                    + "\(opened.manifest.parameters.formatted()) parameters"
            ] + model.warnings
        source = .bundle(opened)
    }

    /// Makes an engine of it.
    ///
    /// - Parameter options: as asked for on the command line.
    /// - Returns: an engine, ready for images.
    /// - Throws: why the model cannot run.
    func engine(_ options: EngineOptions) throws -> any SegmentationEngine {
        switch source {
        case .bundle(let bundle):
            return try BundleEngine(bundle, options: RuntimeOptions(options))
        case .checkpoint(let checkpoint, let provider):
            return try provider.engine(for: checkpoint, model: model, options: options)
        }
    }

    /// Versions of what it runs on, by name.
    var versions: [String: String] {
        switch source {
        case .bundle:
            let library = try? OpenVINOLibrary.shared()
            return library.map { ["OpenVINO": $0.version] } ?? [:]
        case .checkpoint(_, let provider): return provider.versions
        }
    }
}

extension ModelBundle {
    /// Opens a bundle; one asked for by a name of the catalog must be made from that checkpoint.
    init(named name: String, at path: String) throws(ModelError) {
        do throws(ModelBundleError) {
            try self.init(URL(fileURLWithPath: path))
        } catch {
            throw .unreadableBundle(path: path, error)
        }
        let found = manifest.source.sha256
        if let entry = ModelCatalog.entries.first(where: { $0.name == name }),
            entry.sha256 != found
        {
            throw .otherBundle(path: path, name: name, expected: entry.sha256, found: found)
        }
    }
}

extension EngineOptions {
    /// The bundle that the model is; nil where it is a checkpoint.
    ///
    /// A name means the checkpoint where libtorch was asked for, by its devices or by running
    /// `samus-train`.
    var bundle: String? {
        let isName = ModelCatalog.entries.contains { $0.name == model }
        let isForTorch = EngineProviders.current != nil || device == .cuda || device == .mps
        return isName && isForTorch ? nil : ModelCatalog.bundle(of: model)
    }

    /// Goes on as `samus-train` where the model is not a bundle and this program has no libtorch.
    ///
    /// - Throws: an exit code, its reason said, where there is no `samus-train`.
    func handOverCheckpoints() throws {
        guard bundle == nil, EngineProviders.current == nil else { return }
        try Handover.toTrain()
    }
}

extension RuntimeOptions {
    /// Options as asked for on the command line, for a device that OpenVINO has.
    init(_ options: EngineOptions) {
        let precision: Precision =
            switch options.precision {
            case .f32: .float32
            case .bf16: .bfloat16
            case .f16: .float16
            }
        self.init(
            device: Device(options.device) ?? .cpu, precision: precision, threads: options.threads)
    }
}

extension RuntimeOptions.Device {
    init?(_ processor: EngineOptions.Processor) {
        switch processor {
        case .cpu: self = .cpu
        case .gpu: self = .gpu
        case .npu: self = .npu
        case .auto: self = .auto
        case .cuda, .mps: return nil
        }
    }
}
