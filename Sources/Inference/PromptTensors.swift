import Imaging
import Segmentation

/// Prompts of one form as the decoder takes them.
struct PromptTensors {
    private let coordinates: FloatTensor
    private let labels: FloatTensor
    private let mask: FloatTensor
    private let hasMask: Bool

    /// - Parameters:
    ///   - prompts: in pixels of the image; all with as many clicks, all or none with a box, all
    ///     or none with a mask.
    ///   - geometry: how the image lies in the input.
    ///   - maskSide: height and width of the logits that the decoder takes.
    init(_ prompts: [Prompt], in geometry: InputGeometry, maskSide: Int) {
        let points = prompts.map { Self.points($0, in: geometry) }
        let shape = [prompts.count, points.first?.count ?? 0]
        coordinates = FloatTensor(
            points.joined().flatMap { [Float($0.place.x), Float($0.place.y)] }, shape: shape + [2])
        labels = FloatTensor(points.joined().map(\.label), shape: shape)
        let masks = prompts.compactMap { $0.mask.map { geometry.prepare($0, side: maskSide) } }
        hasMask = !masks.isEmpty
        mask =
            hasMask
            ? FloatTensor(masks.flatMap(\.values), shape: [masks.count, 1, maskSide, maskSide])
            : FloatTensor(
                [Float](repeating: 0, count: maskSide * maskSide),
                shape: [1, 1, maskSide, maskSide])
    }

    /// Clicks, and then a box's corners or, as in SAM, a point that is none.
    private static func points(
        _ prompt: Prompt, in geometry: InputGeometry
    ) -> [(place: PixelPoint, label: Float)] {
        var points = prompt.points.map { (place: geometry.prepare($0), label: Float(1)) }
        points += prompt.backgroundPoints.map { (geometry.prepare($0), 0) }
        if let box = prompt.box.map(geometry.prepare) {
            points.append((PixelPoint(x: box.x0, y: box.y0), 2))
            points.append((PixelPoint(x: box.x1, y: box.y1), 3))
        } else if !points.isEmpty {
            points.append((PixelPoint(x: 0, y: 0), -1))
        }
        return points
    }

    /// The decoder's inputs.
    ///
    /// - Parameter embedding: the image's, `[1, D, H, W]`.
    /// - Returns: tensors by name.
    func inputs(_ embedding: FloatTensor) -> [String: FloatTensor] {
        [
            Tensors.embeddings: embedding, Tensors.coordinates: coordinates,
            Tensors.labels: labels, Tensors.mask: mask,
            Tensors.hasMask: FloatTensor([hasMask ? 1 : 0], shape: [1]),
        ]
    }
}
