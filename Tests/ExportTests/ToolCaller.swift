import Foundation
import Imaging
import Inference
import Segmentation
import Torch

@testable import Export

/// Runs the graphs for a tool on OpenVINO, with images and prompts prepared as the tool prepares them.
final class ToolCaller {
    private let interface: ToolInterface
    private let encoder: CompiledModel
    private let decoder: CompiledModel
    private let folder: URL

    init(_ exporter: Exporter, _ tool: AnnotationTool) throws {
        let adapter = try exporter.adapter(for: tool)
        interface = adapter.interface
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("samus-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let core = try OpenVINOCore(OpenVINOLibrary.shared())
        var models: [CompiledModel] = []
        for part in try exporter.float32Graphs() where part.role != .promptFree {
            var graph =
                part.role == .encoder
                ? adapter.adaptingEncoder(part.graph) : adapter.adaptingDecoder(part.graph)
            // This runtime passes only float32; the graph converts bytes to float32 first anyway.
            graph.inputs[0].type = .float32
            let file = folder.appendingPathComponent(part.fileName).path
            _ = try exporter.write(graph, to: file)
            models.append(try core.compile(file: file, options: RuntimeOptions()))
        }
        (encoder, decoder) = (models[0], models[1])
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    /// Logits at the size of the image.
    ///
    /// - Parameters:
    ///   - source: grey or RGB.
    ///   - points: in pixels of the image.
    ///   - labels: SAM's labels of the points.
    /// - Returns: `[1, 1, H, W]`.
    /// - Throws: `OpenVINOError`.
    func logits(
        _ source: Image, points: [PixelPoint], labels: [Float]
    ) throws -> FloatTensor {
        let (image, scale) = prepared(source)
        let embedding = try encoder.run(["image": image], outputs: ["image_embeddings"])[0]
        let coordinates = points.flatMap { [Float($0.x * scale.x), Float($0.y * scale.y)] }
        let side = interface.maskSide
        return try decoder.run(
            [
                "image_embeddings": embedding,
                "point_coords": FloatTensor(coordinates, shape: [1, points.count, 2]),
                "point_labels": FloatTensor(labels, shape: [1, labels.count]),
                "mask_input": FloatTensor(
                    [Float](repeating: 0, count: side * side), shape: [1, 1, side, side]),
                "has_mask_input": FloatTensor([0], shape: [1]),
                "orig_im_size": FloatTensor(
                    [Float(source.height), Float(source.width)], shape: [2]),
            ], outputs: ["masks", "iou_predictions", "low_res_logits"])[0]
    }

    /// The encoder's input, and the scale of points.
    private func prepared(_ source: Image) -> (FloatTensor, scale: (x: Double, y: Double)) {
        let (width, height) = (Double(source.width), Double(source.height))
        switch interface.image {
        case .stretched(let side):
            var planes = source.rgb().planes()
            let area = source.width * source.height
            planes.values = planes.values.enumerated().map { index, value in
                (value - Preprocessing.mean[index / area])
                    / Preprocessing.deviation[index / area]
            }
            let square = planes.resizedLikeTorch(
                to: Size(height: side, width: side), antialias: false)
            return (
                FloatTensor(square.values, shape: [1, 3, side, side]),
                (Double(side) / width, Double(side) / height)
            )
        case .original(let type, let longestSide):
            let ratio = Double(longestSide) / max(width, height)
            let size = Size(height: Int(height * ratio + 0.5), width: Int(width * ratio + 0.5))
            // samexporter resizes first; X-AnyLabeling passes the original image.
            let input = (type == .float32 ? source.resizedLikePillow(to: size) : source).rgb()
            return (
                FloatTensor(input.pixels.map(Float.init), shape: [input.height, input.width, 3]),
                (Double(size.width) / width, Double(size.height) / height)
            )
        }
    }
}
