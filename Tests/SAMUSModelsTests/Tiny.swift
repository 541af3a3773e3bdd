import Foundation
import SAMUSModels
import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN

/// A small network with weights and results of the SAMUS authors' program.
///
/// The files are in `Tests/Fixtures/golden`; `Tools/fixtures/authors_goldens.py` made them.
enum Tiny {
    static let folder = Shared.package.appending(path: "Tests/Fixtures/golden")

    /// The network's sizes.
    static var sizes: SAMConfiguration {
        get throws {
            let file = folder.appending(path: "samus-tiny/config.json")
            return try JSONDecoder().decode(SAMConfiguration.self, from: Data(contentsOf: file))
        }
    }

    /// SAMUS's weights.
    static func weights() throws -> StateDictionary {
        var state = try Golden(authors: "samus-tiny/weights").state
        // The file has the maxima over 2 x 2 cells, which is all that the position adapter reads.
        if let maxima = state["image_encoder.pos_embed"] {
            state["image_encoder.pos_embed"] = maxima.reshaped([1, 32, 1, 32, 1, 48])
                .expanded([1, 32, 2, 32, 2, 48]).reshaped([1, 64, 64, 48])
        }
        return state
    }

    /// The weights that AutoSAMUS adds.
    static func addedWeights() throws -> StateDictionary {
        var state = try Golden(authors: "autosamus-tiny/extra-weights").state
        let listed = try ListedParameter.list("autosamus-tiny/parameters.json", in: folder)
        for parameter in listed where state[parameter.name]?.elementCount == 1 {
            state[parameter.name] = .zeros(parameter.shape)
        }
        return state
    }

    /// SAMUS with its weights.
    static func network() throws -> SAMUS {
        let network = SAMUS(try sizes)
        try network.load(weights())
        network.evaluate()
        return network
    }

    /// AutoSAMUS with its weights.
    static func autoNetwork() throws -> AutoSAMUS {
        let network = AutoSAMUS(try sizes)
        var state = try weights()
        let added = try addedWeights()
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

    /// Reads a list, without the buffers that only some lists have.
    static func list(_ path: String, in folder: URL) throws -> Set<ListedParameter> {
        struct Line: Decodable {
            let name: String
            let shape: [Int]
            let trainable: Bool?
        }
        let file = folder.appending(path: path)
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
