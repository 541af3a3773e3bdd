import Imaging
import Torch

/// What images tell of the layers that may be computed in 8-bit integers: the range of each one's
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

    /// Shares of the range of all images that are tried: rare large numbers may be cut off.
    static let shares = [1, 0.85, 0.7, 0.55, 0.4]

    private let trace: Trace
    private(set) var layers: [Int: Layer] = [:]

    /// - Parameters:
    ///   - trace: of an encoder, for one image.
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
        // A convolution in each channel alone gains nothing; one over the image's own few
        // channels loses more than it gains.
        case "conv2d": return weight.size(1) >= 16 ? weight : nil
        default: return nil
        }
    }

    /// Takes in the range of each layer's input for one image.
    func measureRange(_ image: Tensor) throws {
        _ = try trace.run([image]) { index, given, _ in
            guard var layer = layers[index] else { return }
            layer.low = min(layer.low, given[0].min().item())
            layer.high = max(layer.high, given[0].max().item())
            layers[index] = layer
        }
    }

    /// Takes in each layer's error for one image; all ranges are measured before.
    func measureErrors(_ image: Tensor) throws {
        _ = try trace.run([image]) { index, given, results in
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

extension Exporter {
    /// Finds the ranges of the encoder's layers on images, and how much each suffers from 8-bit
    /// integers.
    ///
    /// - Parameters:
    ///   - images: like those that the model is for, none that it is tested on.
    ///   - progress: told how many passes of how many are done.
    /// - Returns: all layers, to be computed in integers.
    /// - Throws: `TorchError`.
    public func calibrated(
        on images: [Image], progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> QuantizedLayers {
        let calibration = Calibration(graphs.encoder.trace, names: weightNames)
        let inputs = images.map { image in
            let planes = geometry(of: image.size).prepare(image)
            return Tensor(
                planes.values, shape: [1, planes.channels, planes.height, planes.width])
        }
        // The error of each layer needs fewer images than the range of its numbers.
        let sample = inputs.prefix(8)
        let passes = inputs.count + sample.count
        for (done, input) in inputs.enumerated() {
            try calibration.measureRange(input)
            progress(done + 1, passes)
        }
        for (done, input) in sample.enumerated() {
            try calibration.measureErrors(input)
            progress(inputs.count + done + 1, passes)
        }
        return QuantizedLayers(Array(calibration.layers.values), images: images.count)
    }
}

/// How a layer's input is stored as 8-bit integers: `x = scale (q - zero)`.
struct ActivationRange: Equatable {
    let scale: Double
    let zero: Int

    /// The range of numbers from `low` to `high`, widened to hold 0.
    init(low: Double, high: Double) {
        let (low, high) = (min(low, 0), max(high, 0))
        scale = max(high - low, 1e-12) / 255
        zero = min(max(Int((-low / scale).rounded()), 0), 255)
    }

    /// Numbers as they come back from 8 bits.
    func rounded(_ x: Tensor) throws(TorchError) -> Tensor {
        try attempt("fake_quantize_per_tensor_affine", [x, scale, zero, 0, 255])[0]
    }
}
