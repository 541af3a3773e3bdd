import Imaging
import Torch

/// Measures on images what 8-bit integers would do to each layer of an encoder: the range of the
/// layer's input, and the error of its result.
///
/// A layer is a `linear`, or a `conv2d` over several channels, with constant weights.
final class QuantizationCalibration {
    /// One layer.
    struct Layer: Sendable {
        /// Its step in the recording.
        let step: Int
        let op: String
        /// Its weight's name in the checkpoint, or `step N` where the weight was computed.
        let name: String
        let weight: QuantizedWeight
        fileprivate(set) var low = Double.infinity
        fileprivate(set) var high = -Double.infinity
        /// The squared error of the result with each of `clippedShares`.
        fileprivate var squaredErrors: [Double]
        /// The squared length of the result in float32.
        fileprivate var squaredLength = 0.0

        /// The range with the smallest error.
        var range: ActivationRange {
            ActivationRange(low: low * bestShare, high: high * bestShare)
        }

        /// The length of the error over the length of the result.
        var relativeError: Double {
            squaredLength > 0
                ? ((squaredErrors.min() ?? 0) / squaredLength).squareRoot() : 0
        }

        private var bestShare: Double {
            let best = squaredErrors.indices.min { squaredErrors[$0] < squaredErrors[$1] }
            return QuantizationCalibration.clippedShares[best ?? 0]
        }
    }

    /// Shares of the measured range that are tried: clipping rare large values can lower the error.
    static let clippedShares = [1, 0.85, 0.7, 0.55, 0.4]

    private let trace: Trace
    private(set) var layers: [Int: Layer] = [:]

    /// - Parameters:
    ///   - trace: of an encoder, for one image.
    ///   - names: of the weights, by their addresses.
    init(_ trace: Trace, names: [UnsafeRawPointer: String]) {
        self.trace = trace
        for (index, step) in trace.steps.enumerated() {
            guard let weight = Self.quantizableWeight(of: step) else { continue }
            layers[index] = Layer(
                step: index, op: "\(step.op)",
                name: weight.withUnsafeBytes { $0.baseAddress.flatMap { names[$0] } }
                    ?? "step \(index)",
                weight: QuantizedWeight(weight),
                squaredErrors: [Double](repeating: 0, count: Self.clippedShares.count))
        }
    }

    /// The weight of a layer that can be computed in integers; nil for every other step.
    private static func quantizableWeight(of step: Trace.Step) -> Tensor? {
        guard step.arguments.count > 1, case .constant(let weight) = step.arguments[1],
            case .value = step.arguments[0]
        else { return nil }
        switch "\(step.op)" {
        case "linear": return weight
        // Depthwise convolutions gain no speed, and one over the few channels of the image loses
        // accuracy.
        case "conv2d": return weight.size(1) >= 16 ? weight : nil
        default: return nil
        }
    }

    /// Widens the range of each layer's input by one image.
    func measureRange(_ image: Tensor) throws {
        _ = try trace.run([image]) { index, arguments, _ in
            guard var layer = layers[index] else { return }
            layer.low = min(layer.low, arguments[0].min().item())
            layer.high = max(layer.high, arguments[0].max().item())
            layers[index] = layer
        }
    }

    /// Adds each layer's error on one image; call it after all ranges are measured.
    func measureErrors(_ image: Tensor) throws {
        _ = try trace.run([image]) { index, arguments, results in
            guard var layer = layers[index] else { return }
            let weight = layer.weight.dequantized
            let (input, expected) =
                layer.op == "linear"
                ? (arguments[0].sampledRows, results[0].sampledRows)
                : (arguments[0], results[0])
            for (place, share) in Self.clippedShares.enumerated() {
                let range = ActivationRange(low: layer.low * share, high: layer.high * share)
                let tensors = [try range.rounded(input), weight] + arguments.dropFirst(2)
                let quantized = try trace.steps[index].run(tensors)[0]
                layer.squaredErrors[place] += (quantized - expected).squaredLength
            }
            layer.squaredLength += expected.squaredLength
            layers[index] = layer
        }
    }
}

extension Tensor {
    fileprivate var squaredLength: Double { (self * self).sum().item() }

    /// At most a few hundred rows, evenly spaced: `[R, C]` of `[..., C]`.
    fileprivate var sampledRows: Tensor {
        let rows = reshaped([-1, size(-1)])
        let count = rows.size(0)
        let step = Swift.max(1, count / 256)
        return rows.indexed(by: Tensor(Array(stride(from: 0, to: count, by: step))), axis: 0)
    }
}

extension Exporter {
    /// Calibrates 8-bit integers: measures the input range of each of the encoder's layers, and the
    /// error that integers cause in its result.
    ///
    /// - Parameters:
    ///   - images: like those that the model will segment, but none of a test set.
    ///   - progress: called after each pass with the number of passes done and of all.
    /// - Returns: the layers, all of them to be computed in integers.
    /// - Throws: `TorchError`.
    public func calibrate(
        on images: [Image], progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> QuantizedLayers {
        let calibration = QuantizationCalibration(recordings.encoder.trace, names: weightNames)
        let inputs = images.map { image in
            let planes = geometry(of: image.size).prepare(image)
            return Tensor(
                planes.values, shape: [1, planes.channels, planes.height, planes.width])
        }
        // The errors need fewer images than the ranges.
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
        return QuantizedLayers(Array(calibration.layers.values), imageCount: images.count)
    }
}
