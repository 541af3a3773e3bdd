import Foundation
import Synchronization

/// Gets the models of a bundle compiled and checked.
struct BundleLoader {
    let bundle: ModelBundle
    let options: RuntimeOptions
    let cache: CompiledModelCache?
    let core: OpenVINOCore

    struct Loaded {
        let encoder: CompiledModel
        let decoder: CompiledModel?
        let automatic: CompiledModel?
        let isWarm: Bool
    }

    /// Loads all that the bundle has, side by side: reading one waits for the disk, compiling
    /// another for the processor.
    func load() throws -> Loaded {
        typealias FileName = ModelBundle.Manifest.FileName
        let names = [FileName.encoder, FileName.decoder, FileName.automatic].filter {
            bundle.manifest.files[$0] != nil
        }
        let results = Mutex<[String: Result<(CompiledModel, isWarm: Bool), any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: names.count) { index in
            let result = Result { try model(names[index]) }
            results.withLock { $0[names[index]] = result }
        }
        // In their order, so that the same error comes first each time.
        var loaded: [String: (CompiledModel, isWarm: Bool)] = [:]
        for name in names {
            loaded[name] = try results.withLock { $0[name] }?.get()
        }
        guard let encoder = loaded[FileName.encoder] else {
            preconditionFailure("a checked manifest has an encoder")
        }
        let decoder = loaded[FileName.decoder]?.0
        let automatic = loaded[FileName.automatic]?.0
        try check(encoder: encoder.0, decoder: decoder, automatic: automatic)
        return Loaded(
            encoder: encoder.0, decoder: decoder, automatic: automatic,
            isWarm: loaded.values.allSatisfy(\.isWarm))
    }

    private func model(_ name: String) throws -> (CompiledModel, isWarm: Bool) {
        guard let cache else {
            try bundle.verify(name)
            return (try core.compile(file: bundle.path(of: name), options: options), false)
        }
        return try cache.model(bundle.identity(of: name), options: options, core: core) {
            try bundle.verify(name)
        }
    }

    private func check(
        encoder: CompiledModel, decoder: CompiledModel?, automatic: CompiledModel?
    ) throws(OpenVINOError) {
        let manifest = bundle.manifest
        let (size, side) = (manifest.input.size, manifest.embedding.side)
        let embedding = [nil, manifest.embedding.width, side, side]
        let plane = [4 * side, 4 * side]
        try encoder.check(
            inputs: [Tensors.pictures: [1, manifest.input.channels, size, size]],
            outputs: [Tensors.embeddings: [1] + embedding.dropFirst()])
        try decoder?.check(
            inputs: [
                Tensors.embeddings: embedding, Tensors.coordinates: [nil, nil, 2],
                Tensors.labels: [nil, nil], Tensors.mask: [nil, 1] + plane, Tensors.hasMask: [1],
            ],
            outputs: [
                Tensors.logits: [nil, 1 + manifest.candidates] + plane,
                Tensors.iou: [nil, 1 + manifest.candidates],
            ])
        try automatic?.check(
            inputs: [Tensors.embeddings: embedding],
            outputs: [Tensors.logits: [nil, 1] + plane, Tensors.iou: [nil, 1]])
    }
}
