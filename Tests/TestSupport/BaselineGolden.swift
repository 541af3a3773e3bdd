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
        /// Whether the authors' optimizer has it.
        public let trained: Bool?
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

    /// A stored tensor.
    public subscript(name: String) -> Tensor { tensors[name] }

    /// The names and shapes of all tensors of a network of another size.
    ///
    /// - Parameters:
    ///   - folder: the network's folder.
    ///   - tag: the size, for example `-vit_b-256`.
    /// - Returns: all tensors of the state dict, in order.
    /// - Throws: errors of reading and decoding.
    public static func parameters(_ folder: String, tag: String) throws -> [Parameter] {
        let file = Shared.golden.appending(path: "baselines/\(folder)/parameters\(tag).json")
        return try JSONDecoder().decode([Parameter].self, from: Data(contentsOf: file))
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

    /// Every n-th element of a tensor.
    ///
    /// - Parameters:
    ///   - tensor: the whole tensor.
    ///   - steps: n for each axis.
    /// - Returns: a smaller tensor.
    public static func sample(_ tensor: Tensor, every steps: [Int]) -> Tensor {
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
        // The values of SAMed are those of the names without its prefix.
        let isWrapped = name.hasPrefix("sam.")
        let kept = ["relative_position_index", "attn_mask", "num_batches_tracked"]
        guard !kept.contains(where: name.hasSuffix), target.dtype.isFloatingPoint else {
            target.assign(from: values[name]?.value ?? target)
            return
        }
        let first = isWrapped ? String(name.dropFirst(4)) : firstNames[name] ?? name
        let numbers = try FormulaWeights.numbers(first, count: target.elementCount)
        let result =
            if name.hasSuffix("running_mean") {
                numbers * 0.1
            } else if name.hasSuffix("running_var") {
                numbers.abs() * 0.1 + 1
            } else if shape.count == 1 {
                name.hasSuffix("weight") ? numbers * 0.1 + 1 : numbers * 0.1
            } else {
                numbers * factor(of: first, shape: shape)
            }
        target.assign(from: result.reshaped(shape))
    }

    private func factor(of name: String, shape: [Int]) -> Double {
        let isToken =
            shape.count == 2
            && (name.contains("token") && shape[0] <= 4
                || name.hasPrefix("prompt_encoder") && shape[0] == 1)
        if name.contains("rel_pos") || name.hasSuffix(".rel_h") || name.hasSuffix(".rel_w") {
            return 0.3
        }
        if name.contains("pos_embed") || name.contains("position_embeddings") || isToken {
            return 0.5
        }
        if name.contains("gaussian") { return 1.7 }
        return gain * (3 / Double(shape.dropFirst().reduce(1, *))).squareRoot()
    }
}
