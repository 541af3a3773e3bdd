import Torch

/// What pictures tell of the layers that may be computed in 8-bit integers: the range of each one's
/// input, and how far its result is then from float32's.
///
/// A layer is a `linear` or a `conv2d` over several channels with constant weights.
final class Calibration {
    /// One layer.
    struct Layer: Sendable {
        /// Its step in the recording.
        let step: Int
        let op: String
        /// Its weight's name in the checkpoint, where it is there as it is.
        let name: String
        let weight: QuantizedWeight
        fileprivate(set) var low = Double.infinity
        fileprivate(set) var high = -Double.infinity
        /// For each share of the range the squared error of the result, and the result's square.
        fileprivate var errors: [Double]
        fileprivate var square = 0.0

        /// The range that gives the smallest error.
        var range: ActivationRange {
            ActivationRange(low: low * bestShare, high: high * bestShare)
        }

        /// The length of the error over the length of the result.
        var relativeError: Double {
            square > 0 ? ((errors.min() ?? 0) / square).squareRoot() : 0
        }

        private var bestShare: Double {
            Calibration.shares[errors.indices.min { errors[$0] < errors[$1] } ?? 0]
        }
    }

    /// Shares of the range of all pictures that are tried: rare large numbers may be cut off.
    static let shares = [1, 0.85, 0.7, 0.55, 0.4]

    private let trace: Trace
    private(set) var layers: [Int: Layer] = [:]

    /// - Parameters:
    ///   - trace: of an encoder, for one picture.
    ///   - names: of weights, by where they lie in memory.
    init(_ trace: Trace, names: [UnsafeRawPointer: String]) {
        self.trace = trace
        for (index, step) in trace.steps.enumerated() {
            guard let weight = Self.weight(of: step) else { continue }
            layers[index] = Layer(
                step: index, op: "\(step.op)",
                name: weight.withUnsafeBytes { $0.baseAddress.flatMap { names[$0] } }
                    ?? "step \(index)",
                weight: QuantizedWeight(weight),
                errors: [Double](repeating: 0, count: Self.shares.count))
        }
    }

    /// The weight of a layer that may be computed in integers.
    private static func weight(of step: Trace.Step) -> Tensor? {
        guard step.arguments.count > 1, case .constant(let weight) = step.arguments[1],
            case .value = step.arguments[0]
        else { return nil }
        switch "\(step.op)" {
        case "linear": return weight
        // A convolution in each channel alone gains nothing; one over the picture's own few
        // channels loses more than it gains.
        case "conv2d": return weight.size(1) >= 16 ? weight : nil
        default: return nil
        }
    }

    /// Takes in the range of each layer's input for one picture.
    func measureRange(_ picture: Tensor) throws {
        _ = try trace.run([picture]) { index, given, _ in
            guard var layer = layers[index] else { return }
            layer.low = min(layer.low, given[0].min().item())
            layer.high = max(layer.high, given[0].max().item())
            layers[index] = layer
        }
    }

    /// Takes in each layer's error for one picture; all ranges are measured before.
    func measureErrors(_ picture: Tensor) throws {
        _ = try trace.run([picture]) { index, given, results in
            guard var layer = layers[index] else { return }
            let weight = layer.weight.restored
            let (input, expected) =
                layer.op == "linear"
                ? (given[0].someRows, results[0].someRows) : (given[0], results[0])
            for (place, share) in Self.shares.enumerated() {
                let range = ActivationRange(low: layer.low * share, high: layer.high * share)
                let tensors = [try range.rounded(input), weight] + given.dropFirst(2)
                let found = try trace.steps[index].run(tensors)[0]
                layer.errors[place] += (found - expected).squaredLength
            }
            layer.square += expected.squaredLength
            layers[index] = layer
        }
    }
}

extension Tensor {
    fileprivate var squaredLength: Double { (self * self).sum().item() }

    /// At most a few hundred rows, evenly spread: `[R, C]` of `[..., C]`.
    fileprivate var someRows: Tensor {
        let rows = reshaped([-1, size(-1)])
        let count = rows.size(0)
        let step = Swift.max(1, count / 256)
        return rows.indexed(by: Tensor(Array(stride(from: 0, to: count, by: step))), axis: 0)
    }
}
