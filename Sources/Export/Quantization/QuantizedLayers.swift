import FileIO

/// The layers of an encoder, and which of them are computed in 8-bit integers.
public struct QuantizedLayers: Sendable {
    private let layers: [QuantizationCalibration.Layer]
    /// Steps of the layers that are computed in float32, since integers change their results most.
    private var float32Steps: Set<Int> = []
    /// How many images the ranges were measured on.
    public let imageCount: Int
    /// How masks agree with float32's: a row for each dataset, and one for all.
    public var agreement: [MaskAgreement] = []

    init(_ layers: [QuantizationCalibration.Layer], imageCount: Int) {
        self.layers = layers.sorted { $0.step < $1.step }
        self.imageCount = imageCount
    }

    /// Layers that are computed in integers, by their steps.
    var integerLayers: [Int: QuantizationCalibration.Layer] {
        Dictionary(
            layers.filter { !float32Steps.contains($0.step) }.map { ($0.step, $0) },
            uniquingKeysWith: { first, _ in first })
    }

    /// How many layers are computed in integers, and how many there are.
    public var counts: (integer: Int, all: Int) {
        (layers.count - float32Steps.count, layers.count)
    }

    /// Moves the layers whose results integers change most back to float32.
    ///
    /// - Parameter share: of the layers that are still computed in integers, 0 to 1; at least one
    ///   layer is moved.
    public mutating func excludeMostSensitive(_ share: Double) {
        let worstFirst = integerLayers.values.sorted { $0.relativeError > $1.relativeError }
        let count = max(1, Int((Double(worstFirst.count) * share).rounded()))
        float32Steps.formUnion(worstFirst.prefix(count).map(\.step))
    }

    /// The content of `quantization.json` in a bundle.
    ///
    /// - Returns: JSON.
    /// - Throws: `EncodingError`.
    func json() throws -> [UInt8] {
        try JSON.encode(
            Report(
                images: imageCount,
                layers: layers.map { layer in
                    Report.Layer(
                        name: layer.name, op: layer.op, inputMin: layer.low, inputMax: layer.high,
                        inputScale: layer.range.scale, inputZeroPoint: layer.range.zeroPoint,
                        relativeError: layer.relativeError,
                        precision: float32Steps.contains(layer.step) ? "f32" : "int8")
                },
                agreement: agreement), formatVersion: 2, style: .indented)
    }

    private struct Report: Encodable {
        struct Layer: Encodable {
            let name: String
            let op: String
            let inputMin: Double
            let inputMax: Double
            let inputScale: Double
            let inputZeroPoint: Int
            let relativeError: Double
            let precision: String
        }

        let images: Int
        let layers: [Layer]
        let agreement: [MaskAgreement]
    }
}
