import Foundation
import Torch
import TorchNN

/// Values that the authors' program of a comparison network computed, in `../shared`.
public struct BaselineGolden {
    /// A tensor of the network's state dict.
    public struct Parameter: Decodable {
        /// Its name.
        public let name: String
        /// Its shape.
        public let shape: [Int]
        /// Whether it is a `parameter` or a `buffer`.
        public let kind: String
    }

    /// A check in training mode.
    public struct Training: Decodable {
        /// Mean of the squared logits.
        public let loss: Double
        /// L2 norm of each parameter's gradient in float64; nil for one without a gradient.
        public let gradientNorms: [String: Double?]
        /// L2 norms of the running statistics after one forward pass.
        public let runningStatistics: [String: Double]

        private enum CodingKeys: String, CodingKey {
            case loss, loss64 = "loss_float64", norms = "gradient_norms"
            case norms64 = "gradient_norms_float64"
            case runningStatistics = "running_statistics_norms_after"
        }

        /// Reads the values in float64 where there are any.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            loss =
                try container.decodeIfPresent(Double.self, forKey: .loss64)
                ?? container.decode(Double.self, forKey: .loss)
            gradientNorms =
                try container.decodeIfPresent([String: Double?].self, forKey: .norms64)
                ?? container.decode([String: Double?].self, forKey: .norms)
            runningStatistics =
                try container.decodeIfPresent([String: Double].self, forKey: .runningStatistics)
                ?? [:]
        }
    }

    private struct Description: Decodable {
        struct Sample: Decodable {
            let shape: [Int]
            let every: [Int]
        }

        let gain: Double
        let gmac: Double
        let logits: Sample
        let stages: [String: Sample]
    }

    private let description: Description
    private let tensors: Golden
    /// All tensors of the state dict, in order.
    public let parameters: [Parameter]
    /// The check in training mode.
    public let training: Training

    /// Reads the values of one network.
    ///
    /// - Parameters:
    ///   - folder: the network's folder in `../shared/golden/baselines`.
    ///   - tag: its variant, for example `-256`.
    /// - Throws: errors of reading and decoding.
    public init(_ folder: String, tag: String) throws {
        let root = Shared.golden.appending(path: "baselines/\(folder)")
        func read<Value: Decodable>(_ name: String) throws -> Value {
            try JSONDecoder().decode(
                Value.self, from: Data(contentsOf: root.appending(path: "\(name)\(tag).json")))
        }
        description = try read("golden")
        parameters = try read("parameters")
        training = try read("gradients")
        tensors = try Golden(file: root.appending(path: "golden\(tag).safetensors"))
    }

    /// The network's input as grey values, `[1, 1, H, W]`.
    public var input: Tensor { tensors["input"][.all, 0..<1] }

    /// Factor of the weights by formula that are neither vectors nor tables.
    public var gain: Double { description.gain }

    /// Multiply-add operations of convolutions and matrix products for one image, in billions.
    public var multiplyAdds: Double { description.gmac }

    /// Names of the stages, in alphabetical order.
    public var stages: [String] { description.stages.keys.sorted() }

    /// The shape of a stage.
    public func shape(of stage: String) -> [Int] { description.stages[stage]?.shape ?? [] }

    /// The stored elements of a stage.
    public func stored(_ stage: String) -> Tensor { tensors["stage.\(stage)"] }

    /// The elements of a tensor that are stored for a stage.
    public func sample(_ tensor: Tensor, of stage: String) -> Tensor {
        Self.sample(tensor, every: description.stages[stage]?.every ?? [])
    }

    /// The stored logits.
    public var logits: Tensor { tensors["logits"] }

    /// The elements of the logits that are stored.
    public func sampleOfLogits(_ tensor: Tensor) -> Tensor {
        Self.sample(tensor, every: description.logits.every)
    }

    private static func sample(_ tensor: Tensor, every steps: [Int]) -> Tensor {
        var result = tensor
        for (axis, step) in steps.enumerated() where step > 1 {
            let count = (tensor.size(axis) + step - 1) / step
            result = result.indexed(
                by: Tensor((0..<count).map { Int64($0 * step) }), axis: axis)
        }
        return result
    }
}

/// Weights of comparison networks by a formula, from the tensors' names; see the README of the golden
/// values.
public struct BaselineWeights: TensorSource {
    /// The names of the network's tensors.
    public let names: [String]
    private let values: [String: StoredValue]
    /// The first name of each tensor that has several.
    private let firstNames: [String: String]
    private let gain: Double

    /// Weights for all parameters and buffers of a network.
    ///
    /// - Parameters:
    ///   - module: the network; its index tables, masks and counters stay as they are.
    ///   - gain: factor of the weights that are neither vectors nor tables.
    public init(for module: Module, gain: Double = 1) {
        var seen: [ObjectIdentifier: String] = [:]
        var firstNames: [String: String] = [:]
        let named = module.namedValues()
        for (name, value) in named {
            firstNames[name] = seen[ObjectIdentifier(value), default: name]
            seen[ObjectIdentifier(value)] = firstNames[name]
        }
        names = named.map(\.name)
        values = Dictionary(named.map { ($0.name, $0.value) }) { one, _ in one }
        self.firstNames = firstNames
        self.gain = gain
    }

    /// The shape of a tensor; nil if there is none of that name.
    public func shape(of name: String) -> [Int]? { values[name]?.value.shape }

    /// The type of a tensor; nil if there is none of that name.
    public func dtype(of name: String) -> DType? { values[name]?.value.dtype }

    /// Computes a tensor.
    public func read(_ name: String, into target: Tensor) throws {
        let shape = target.shape
        let kept = ["relative_position_index", "attn_mask", "num_batches_tracked"]
        guard !kept.contains(where: name.hasSuffix), target.dtype.isFloatingPoint else {
            target.assign(from: values[name]?.value ?? target)
            return
        }
        let first = firstNames[name] ?? name
        let numbers = try FormulaWeights.numbers(first, count: target.elementCount)
        let result =
            if name.hasSuffix("running_mean") {
                numbers * 0.1
            } else if name.hasSuffix("running_var") {
                numbers.abs() * 0.1 + 1
            } else if shape.count == 1 {
                name.hasSuffix("weight") ? numbers * 0.1 + 1 : numbers * 0.1
            } else {
                numbers * factor(of: name, shape: shape)
            }
        target.assign(from: result.reshaped(shape))
    }

    private func factor(of name: String, shape: [Int]) -> Double {
        let isToken = name.contains("token") && shape.count == 2 && shape[0] <= 4
        if name.contains("rel_pos") { return 0.3 }
        if name.contains("pos_embed") || name.contains("position_embeddings") || isToken {
            return 0.5
        }
        return gain * (3 / Double(shape.dropFirst().reduce(1, *))).squareRoot()
    }
}
