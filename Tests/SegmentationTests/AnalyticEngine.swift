import Imaging
import Segmentation

/// A formula instead of a network, the same as `AnalyticNetwork` in
/// Tools/fixtures/automatic_masks.py.
struct AnalyticEngine: SegmentationEngine {
    let model = ModelDescription(
        name: "formula", architecture: .liteMedSAM, sha256: "", licence: nil)

    func encode(_ image: Image) throws -> any EncodedImage {
        AnalyticImage(model: model, image: image)
    }
}

private struct AnalyticImage: EncodedImage {
    static let side = 64
    static let kinds: [(radius: Double, tolerance: Double)] = [(14, 30), (26, 44), (48, 64)]
    let model: ModelDescription
    let geometry: InputGeometry
    let image: Image
    let centers: [Double]
    let cells: [Double]

    init(model: ModelDescription, image: Image) {
        self.model = model
        let geometry = InputGeometry(
            original: image.size, inputSize: 256, preprocessing: .sam)
        let scale = 256 / Double(max(image.height, image.width))
        let centers = (0..<Self.side).map { (Double($0) + 0.5) * 4 / scale }
        self.image = image
        self.geometry = geometry
        self.centers = centers
        cells = centers.flatMap { y in centers.map { x in Self.grey(of: image, x: x, y: y) } }
    }

    func predict(_ prompts: [Prompt.Checked], multimask: Bool) throws -> [[MaskPrediction]] {
        precondition(multimask, "automatic masks choose among candidates")
        return prompts.map { prompt in
            Self.kinds.indices.map { answer(prompt.prompt.foregroundPoints[0], kind: $0) }
        }
    }

    func predictPromptFree() throws -> MaskPrediction {
        throw EngineError.needsPrompt(model: "formula")
    }

    private func answer(_ click: PixelPoint, kind: Int) -> MaskPrediction {
        let (radius, tolerance) = Self.kinds[kind]
        let reference = Self.grey(of: image, x: click.x, y: click.y)
        let columns = centers.map { ($0 - click.x) * ($0 - click.x) }
        var logits: [Float] = []
        var cell = 0
        for y in centers {
            let row = (y - click.y) * (y - click.y)
            for column in columns {
                let distance = (column + row) / (radius * radius)
                let likeness = 1.03 - abs(cells[cell] - reference) / tolerance
                logits.append(Float(max(6 * likeness - 2 * distance, -20)))
                cell += 1
            }
        }
        let estimate = 0.97 - 0.04 * Double(kind) - abs(reference - 150) / 1000
        return MaskPrediction(
            logits: Planes(channels: 1, height: Self.side, width: Self.side, values: logits),
            iouEstimate: Float((estimate * 64).rounded(.down) / 64))
    }

    private static func grey(of image: Image, x: Double, y: Double) -> Double {
        let (row, column) = (min(Int(y), image.height - 1), min(Int(x), image.width - 1))
        return Double(image.pixels[(row * image.width + column) * image.channels])
    }
}
