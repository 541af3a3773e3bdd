import Foundation
import SAMUSModels
import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN

/// The SAMUS authors' program on a network small enough for a test, and its values.
enum Tiny {
    static let folder = Shared.folder.appending(path: "golden/samus-tiny")
    static let absence: Comment =
        "../shared/golden, the values of the authors' program, is not here"

    /// The sizes of that network.
    static var sizes: SAMConfiguration {
        get throws {
            try JSONDecoder().decode(
                SAMConfiguration.self, from: Data(contentsOf: folder.appending(path: "config.json"))
            )
        }
    }

    /// That network with its weights.
    static func network() throws -> SAMUS {
        let network = SAMUS(try sizes)
        try network.load(Golden(file: folder.appending(path: "weights.safetensors")).state)
        network.evaluate()
        return network
    }

    /// AutoSAMUS of that size with the weights of its authors' program.
    static func autoNetwork() throws -> AutoSAMUS {
        let network = AutoSAMUS(try sizes)
        var state = try Golden(file: folder.appending(path: "weights.safetensors")).state
        let added = try Golden(
            file: Shared.folder.appending(path: "golden/autosamus-tiny/extra-weights.safetensors"))
        for name in added.names {
            state[name] = added[name]
        }
        try network.load(state)
        network.evaluate()
        return network
    }
}

/// A parameter as the authors' program lists it.
struct ListedParameter: Hashable {
    let name: String
    let shape: [Int]
    let trainable: Bool

    /// A list of `../shared/golden`, without the buffers that only some of them have.
    static func list(_ path: String) throws -> Set<ListedParameter> {
        struct Line: Decodable {
            let name: String
            let shape: [Int]
            let trainable: Bool?
        }
        let file = Shared.folder.appending(path: "golden/\(path)")
        let lines = try JSONDecoder().decode([Line].self, from: Data(contentsOf: file))
        return Set(
            lines.compactMap { line in
                line.trainable.map {
                    ListedParameter(name: line.name, shape: line.shape, trainable: $0)
                }
            })
    }

    /// All parameters of a module.
    static func all(of module: Module) -> Set<ListedParameter> {
        Set(
            module.namedParameters().map { name, parameter in
                ListedParameter(
                    name: name, shape: parameter.value.shape, trainable: parameter.isTrainable)
            })
    }
}
