import Checkpoints
import Foundation
import Inference
import Segmentation

/// The model that the options name: an open bundle or checkpoint, from which engines are made.
struct LoadedModel {
    private enum Source {
        case bundle(ModelBundle)
        case checkpoint(Checkpoint, any EngineProvider)
    }

    let path: String
    let model: ModelDescription
    /// How many masks the decoder gives for an ambiguous prompt.
    let candidates: Int
    /// Multiply-accumulate operations for encoding one image, where they are known.
    let macs: Int?
    /// Notes and warnings for the user about a model that is not in the catalog.
    let notes: [String]
    private let source: Source

    /// Opens a model bundle, or a checkpoint where this program has libtorch.
    ///
    /// - Throws: ``ModelError``. Where a checkpoint needs libtorch, `samus-train` replaces this
    ///   process.
    init(_ options: EngineOptions) throws {
        guard let bundle = options.bundle else {
            guard let provider = EngineProviders.current else { try Handover.toTrain() }
            let file = try ModelCheckpoint(options.model, provider: provider)
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
                "note: \(model.name) is \(model.architecture.rawValue) (\(opened.manifest.encoder), input "
                    + "\(opened.manifest.input.size)x\(opened.manifest.input.size)), "
                    + "\(opened.manifest.parameters.formatted()) parameters"
            ] + model.warnings
        source = .bundle(opened)
    }

    /// Makes an engine that runs the model.
    ///
    /// - Parameter options: precision, device and threads.
    /// - Returns: an engine that is ready for images.
    /// - Throws: why the model cannot run.
    func makeEngine(_ options: EngineOptions) throws -> any SegmentationEngine {
        switch source {
        case .bundle(let bundle):
            return try BundleEngine(bundle, options: RuntimeOptions(options))
        case .checkpoint(let checkpoint, let provider):
            return try provider.engine(for: checkpoint, model: model, options: options)
        }
    }

    /// The versions of the libraries that it runs on.
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
    /// Opens a bundle; under a name of the catalog it must have been made from that checkpoint.
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
    /// The bundle of the model; nil where the model is a checkpoint.
    ///
    /// A name of the catalog means the checkpoint where libtorch is needed anyway: for its devices, and
    /// in `samus-train`.
    var bundle: String? {
        let isName = ModelCatalog.entries.contains { $0.name == model }
        let isForTorch = EngineProviders.current != nil || device == .cuda || device == .mps
        return isName && isForTorch ? nil : ModelCatalog.bundle(of: model)
    }

    /// Replaces this process by `samus-train` where the model is a checkpoint and this program has no
    /// libtorch.
    ///
    /// - Throws: ``ExitError`` where there is no `samus-train`.
    func handOverCheckpoints() throws {
        guard bundle == nil, EngineProviders.current == nil else { return }
        try Handover.toTrain()
    }
}

extension RuntimeOptions {
    /// The options of the command line, for a device that OpenVINO has.
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
