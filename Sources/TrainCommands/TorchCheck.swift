import ArgumentParser
import Commands
import FileIO
import Foundation
import SAMUSModels
import SegmentAnything
import Segmentation
import Torch
import TorchNN
import Training

/// What a version of libtorch has and computes: the operators of this program, and the results of
/// two training steps of a small SAMUS.
struct TorchReference: Codable, Equatable {
    /// One operator call or quantity of the training steps.
    struct Value: Codable, Equatable {
        /// The operator's name, or what the number is.
        let name: String
        /// Mean of the absolute values; nil for tensors that are not contiguous float32.
        let magnitude: Double?
    }

    /// libtorch's version.
    let version: String
    /// The schemas of operators, by their names.
    var schemas: [String: String]
    /// The results of the training steps, in order.
    var values: [Value]
}

extension TorchReference {
    /// Describes the libtorch of this program.
    ///
    /// - Parameters:
    ///   - operators: the names of the operators to describe; those that this libtorch does
    ///   not have are left out.
    ///   - device: the device of the training steps.
    init(operators: some Sequence<String>, device: Device = .cpu) {
        version = TorchRuntime.version
        let found = operators.map { ($0, OperatorLog.schema(of: $0)) }
        schemas = found.reduce(into: [:]) { $0[$1.0] = $1.1 }
        values = Self.trainingSteps(on: device)
    }

    /// Two steps of the authors' training, from seeded weights.
    private static func trainingSteps(on device: Device) -> [Value] {
        Generator.seedDefault(20_240_917)
        var sizes = SAMConfiguration(
            width: 48, depth: 4, heads: 3, globalBlocks: [1, 3], imageSize: 192)
        sizes.decoder.width = 32
        sizes.decoder.mlpWidth = 64
        sizes.decoder.heads = 4
        sizes.decoder.iouWidth = 32
        let network = SAMUS(sizes)
        network.move(to: device)
        network.train()
        network.setTrainable(by: .samus)
        let optimizer = Adam(network.trainable, learningRate: 1e-3)
        let pixels = (0..<2 * 192 * 192).map { 0.5 + 0.5 * sinf(Float($0 % 1009) * 0.37) }
        let images = Tensor(pixels, shape: [2, 1, 192, 192]).to(device)
        let prompts = PromptTensors(
            points: Tensor([Float(90), 80, 60, 100], shape: [2, 1, 2]).to(device),
            labels: .ones([2, 1], device: device))
        let target = Tensor.zeros([2, 1, 48, 48])
        target[.all, .all, 12..<32, 14..<36].assign(from: .ones([2, 1, 20, 22]))
        let targets = target.to(device)

        var values = network.namedValues().map { name, value in
            Value(name: "initial \(name)", magnitude: magnitude(of: value.value))
        }
        for _ in 0..<2 {
            var loss = Tensor(Float(0))
            var calls: [OperatorLog.Call] = []
            OperatorLog.observing {
                calls.append($0)
            } _: {
                let decoded = network.decode(network.encode(images), prompts: prompts)
                let logits = bilinear(decoded.logits, height: 48, width: 48)
                loss =
                    SegmentationLoss()(logits: logits, targets: targets, iou: decoded.iou).total
            }
            values += calls.map {
                Value(name: $0.name, magnitude: $0.results.first.flatMap(magnitude))
            }
            network.zeroGrad()
            loss.backward()
            values.append(Value(name: "loss", magnitude: loss.item()))
            for (name, parameter) in network.namedParameters() {
                guard let gradient = parameter.grad else { continue }
                values.append(
                    Value(name: "gradient of \(name)", magnitude: magnitude(of: gradient)))
            }
            optimizer.step()
        }
        return values
    }

    private static func magnitude(of tensor: Tensor) -> Double? {
        guard tensor.dtype == .float32, tensor.isContiguous, tensor.elementCount > 0 else {
            return nil
        }
        let sum = tensor.withUnsafeBytes { bytes in
            bytes.bindMemory(to: Float.self).reduce(0) { $0 + abs(Double($1)) }
        }
        return sum / Double(tensor.elementCount)
    }

    /// What differs in another version of libtorch, in words; empty if the same is computed.
    ///
    /// A wrong result makes all later ones wrong, so that only the first one is named.
    ///
    /// - Parameters:
    ///   - other: the other version.
    ///   - tolerance: the largest accepted relative difference of a result.
    /// - Returns: one clause for each difference.
    func differences(from other: TorchReference, tolerance: Double = 2e-3) -> [String] {
        var found: [String] = []
        let missing = other.schemas.keys.filter { schemas[$0] == nil }.sorted()
        if !missing.isEmpty {
            found.append("has no operator \(missing.joined(separator: ", "))")
        }
        let changed = other.schemas.filter { name, schema in
            schemas[name].map { !Self.accepts($0, callsOf: schema) } ?? false
        }
        if !changed.isEmpty {
            found.append("has other arguments for \(changed.keys.sorted().joined(separator: ", "))")
        }
        // A GPU runs other operators for attention; the quantities have the same names.
        let (own, expected) = (comparable(with: other), other.comparable(with: self))
        let first = zip(own, expected).first { own, reference in
            guard let own = own.magnitude, let reference = reference.magnitude else { return false }
            // A comparison that is false for NaN.
            return !(abs(own - reference) <= tolerance * abs(reference) + 1e-6)
        }
        if let first {
            found.append(
                "computes \(first.0.name) differently: a mean of \(first.0.magnitude ?? .nan) "
                    + "instead of \(first.1.magnitude ?? .nan)")
        }
        return found
    }

    /// All values, or only those that are not results of operators, where the operators differ.
    private func comparable(with other: TorchReference) -> [Value] {
        guard values.map(\.name) != other.values.map(\.name) else { return values }
        return values.filter { $0.name == "loss" || $0.name.contains(" ") }
    }

    /// Whether calls by one schema fit another: the arguments that both have are of the same types.
    ///
    /// Versions add arguments with defaults at the end; a call with too many fails by itself.
    static func accepts(_ schema: String, callsOf reference: String) -> Bool {
        let (own, expected) = (argumentTypes(schema), argumentTypes(reference))
        return zip(own, expected).allSatisfy { $0 == $1 }
    }

    /// The types of a schema's arguments: `Tensor`, `int[1]?`.
    private static func argumentTypes(_ schema: String) -> [String] {
        guard let open = schema.firstIndex(of: "("), let arrow = schema.range(of: ") ->") else {
            return []
        }
        let arguments = schema[schema.index(after: open)..<arrow.lowerBound]
            .replacing(#/\([a-z]!?\)/#, with: "").replacing(#/=\[[^\]]*\]/#, with: "")
        return arguments.components(separatedBy: ", ").filter { $0 != "*" }
            .map { argument in
                String(argument.prefix { $0 != " " }).replacing("SymInt", with: "int")
            }
    }
}

/// `samus-train torch-check`: compares the libtorch at hand with the one of the checkout.
struct TorchCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torch-check",
        abstract: "Compare this libtorch with the one that a reference file describes.",
        shouldDisplay: false)

    @Argument(help: "The reference file.", completion: .file())
    var reference: String

    @Option(help: "Write the reference file, for the operators whose names are in this file.")
    var operators: String?

    @Option(help: "Where the training steps run.")
    var device = TrainingDevice.cpu

    func run() throws {
        TorchRuntime.threads = 1
        let place = Device(device.kind)
        try withExitStatus(.unavailable) { try place.check() }
        if let operators {
            let names = try withExitStatus(.input) {
                try String(contentsOfFile: operators, encoding: .utf8)
            }
            let described = TorchReference(
                operators: names.split(separator: "\n").map(String.init))
            try withExitStatus(.output) {
                try AtomicFile.write(try JSON.encode(described), to: reference)
            }
            return
        }
        let expected = try withExitStatus(.input) {
            try JSON.decode(
                TorchReference.self, from: Data(contentsOf: URL(fileURLWithPath: reference)))
        }
        let found = TorchReference(operators: expected.schemas.keys, device: place)
        let differences = found.differences(from: expected)
        guard differences.isEmpty else {
            throw ExitError(
                .unavailable,
                "libtorch \(found.version) differs from \(expected.version): it "
                    + differences.joined(separator: "; "))
        }
        Terminal.print(
            "libtorch \(found.version) on \(place) computes as \(expected.version): "
                + "\(expected.schemas.count) operators, \(expected.values.count) results")
    }
}
