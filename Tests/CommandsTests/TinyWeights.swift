import Checkpoints
import Foundation
import TestSupport

/// Small weights from the authors' program, and weights derived from them.
enum TinyWeights {
    static let samus = Shared.folder.appending(path: "golden/samus-tiny/weights.pth").path
    static let legacy = Shared.folder.appending(path: "golden/samus-tiny/weights-legacy.pth").path
    static let autoAdditions = Shared.folder.appending(
        path: "golden/autosamus-tiny/extra-weights.safetensors"
    ).path

    /// All tensors of a file.
    static func tensors(_ path: String) throws -> [(name: String, tensor: StoredTensor)] {
        let file = try Checkpoint.read(path)
        return file.names.compactMap { name in file[name].map { (name, $0) } }
    }

    /// The tensors that SAMUS shares with SAM, with tables of SAM's length in blocks 1 and 3.
    static func sam() throws -> [(name: String, tensor: StoredTensor)] {
        let own = ["cnn_embed", "_Adapter", "post_pos_embed"]
        return try tensors(samus).filter { name, _ in !own.contains { name.contains($0) } }
            .map { name, tensor in
                guard name.contains("rel_pos"), tensor.shape[0] == 63 else { return (name, tensor) }
                let values = (0..<(127 * tensor.shape[1])).map { Float($0 % 91) / 100 }
                return (name, StoredTensor(values, shape: [127, tensor.shape[1]]))
            }
    }

    /// AutoSAMUS's tensors.
    static func autoSAMUS() throws -> [(name: String, tensor: StoredTensor)] {
        let added = try tensors(autoAdditions)
        let names = Set(added.map(\.name))
        return try tensors(samus).filter { !names.contains($0.name) } + added
    }
}

extension Scratch {
    /// Writes weights with the number of decoder heads in the metadata.
    func weights(
        _ tensors: [(name: String, tensor: StoredTensor)], _ name: String
    ) throws -> String {
        let raw = path("raw-\(name)")
        try Safetensors.write(tensors, to: raw)
        _ = try Program()("convert", raw, path(name), "--decoder-heads", "4")
        return path(name)
    }
}
