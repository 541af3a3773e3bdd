import Checkpoints
import FileIO
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
    /// Notes and warnings for the user: what must not be done with the model, and what it is where it is not
    /// in the catalog.
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
            ? model.licenceNotes
            : [
                "note: \(model.name) is \(model.architecture.rawValue) (\(opened.manifest.encoder), input "
                    + "\(opened.manifest.input.size)x\(opened.manifest.input.size)), "
                    + "\(opened.manifest.parameters.formatted()) parameters"
            ] + model.licenceNotes + model.warnings
        source = .bundle(opened)
    }

    /// Makes an engine that runs the model.
    ///
    /// With `--precision auto`, the precision is chosen by a measurement, see ``PrecisionChoice``.
    ///
    /// - Parameter options: precision, device and threads.
    /// - Returns: an engine that is ready for images, and how it runs.
    /// - Throws: why the model cannot run.
    func makeEngine(_ options: EngineOptions) throws -> ReadyModel {
        var options = options
        var notes: [String] = []
        if options.precision == .auto {
            let choice = try PrecisionChoice.find(for: self, options)
            options.precision = choice.fastest
            notes.append(choice.note)
        }
        let engine = try engine(options)
        let runtime = EngineRuntime(engine, options)
        return ReadyModel(
            engine: engine, runtime: runtime, notes: notes + runtime.notes, options: options)
    }

    /// Makes an engine of a precision other than `auto`.
    func engine(_ options: EngineOptions) throws -> any SegmentationEngine {
        switch source {
        case .bundle(let bundle):
            return try BundleEngine(bundle, options: RuntimeOptions(options))
        case .checkpoint(let checkpoint, let provider):
            return try provider.engine(for: checkpoint, model: model, options: options)
        }
    }

    /// Whether it is worth trying a precision.
    ///
    /// libtorch computes in bfloat16 on every processor, but without that arithmetic so slowly that
    /// a measurement would take minutes; it takes no f16. OpenVINO itself reports what it ran.
    func canCompute(
        in precision: EngineOptions.Precision, on device: EngineOptions.Device
    ) -> Bool {
        switch (source, precision) {
        case (.checkpoint, .bf16): device != .cpu || Processor.current.hasBFloat16
        case (.checkpoint, .f16): false
        default: true
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
        let isForTorch =
            EngineProviders.current != nil || device.kind == .cuda || device.kind == .mps
        return isName && isForTorch ? nil : ModelCatalog.bundle(of: model)
    }

    /// The absolute path of the bundle; nil where the model is a checkpoint.
    package var bundlePath: String? {
        bundle.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
    }

    /// Replaces this process by `samus-train` where the model is a checkpoint and this program has no
    /// libtorch.
    ///
    /// - Throws: ``ExitError`` where the model is not installed, or there is no `samus-train`.
    func handOverCheckpoints() throws {
        guard bundle == nil, EngineProviders.current == nil else { return }
        // A program that was copied without its models lacks a file, not libtorch.
        try withExitStatus(.unavailable) { _ = try ModelCatalog.path(of: model) }
        try Handover.toTrain()
    }
}

extension RuntimeOptions {
    /// The options of the command line, for a device that OpenVINO has.
    init(_ options: EngineOptions) {
        let precision: Precision =
            switch options.precision {
            case .bf16: .bfloat16
            case .f16: .float16
            // `LoadedModel` replaces `auto`; f32 is what every device has.
            case .f32, .auto: .float32
            }
        self.init(
            device: Device(options.device) ?? .cpu, precision: precision, threads: options.threads)
    }
}

extension RuntimeOptions.Device {
    /// OpenVINO's name of a device; nil for a device of libtorch.
    init?(_ device: EngineOptions.Device) {
        switch device.kind {
        case .cpu, .gpu, .npu, .auto: self.init(rawValue: device.rawValue.uppercased())
        case .cuda, .mps: return nil
        }
    }
}
