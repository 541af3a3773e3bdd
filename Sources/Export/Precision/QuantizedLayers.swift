import Foundation

/// The layers of an encoder, and which of them are computed in 8-bit integers.
public struct QuantizedLayers: Sendable {
    let layers: [Calibration.Layer]
    /// Pictures whose numbers gave the ranges.
    public let pictures: Int
    /// Layers by their steps that are computed in float32, since integers change their results most.
    private(set) var kept: Set<Int> = []
    /// How masks then agree with float32's, data set by data set.
    public var agreement: [MaskAgreement] = []

    init(_ layers: [Calibration.Layer], pictures: Int) {
        self.layers = layers.sorted { $0.step < $1.step }
        self.pictures = pictures
    }

    /// Layers that are computed in integers, by their steps.
    var chosen: [Int: Calibration.Layer] {
        Dictionary(
            layers.filter { !kept.contains($0.step) }.map { ($0.step, $0) },
            uniquingKeysWith: { one, _ in one })
    }

    /// How many layers are computed in integers, and of how many.
    public var counts: (integers: Int, all: Int) { (layers.count - kept.count, layers.count) }

    /// Keeps a share of the layers that are still computed in integers in float32: those whose
    /// results integers change most.
    ///
    /// - Parameter share: 0 to 1; at least one layer is kept more.
    public mutating func keepMostSensitive(_ share: Double) {
        let worst = chosen.values.sorted { $0.relativeError > $1.relativeError }
        let count = max(1, Int((Double(worst.count) * share).rounded()))
        kept.formUnion(worst.prefix(count).map(\.step))
    }

    /// All that was found, as it lies in a bundle beside the model: `quantization.json`.
    ///
    /// - Returns: JSON.
    /// - Throws: `EncodingError`.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(
            Report(
                pictures: pictures,
                layers: layers.map { layer in
                    Report.Layer(
                        name: layer.name, kind: layer.op, lowest: layer.low, highest: layer.high,
                        scale: layer.range.scale, zero: layer.range.zero,
                        relativeError: layer.relativeError,
                        computed: kept.contains(layer.step) ? "f32" : "int8")
                },
                agreement: agreement))
    }

    private struct Report: Encodable {
        struct Layer: Encodable {
            let name: String
            let kind: String
            let lowest: Double
            let highest: Double
            let scale: Double
            let zero: Int
            let relativeError: Double
            let computed: String
        }

        let pictures: Int
        let layers: [Layer]
        let agreement: [MaskAgreement]
    }
}
