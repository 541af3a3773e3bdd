import Foundation
import Imaging
import Inference
import Segmentation
import TestSupport
import Testing
import Torch

@testable import Export

@Suite("Graphs for annotation tools have the inputs and outputs that the tools expect")
struct AnnotationToolTests {
    private func graphs(
        _ network: ToolNetwork, _ tool: AnnotationTool
    ) throws -> (encoder: Graph, decoder: Graph) {
        let adapter = try network.exporter.adapter(for: tool)
        let parts = try network.exporter.float32Graphs()
        return (adapter.adaptingEncoder(parts[0].graph), adapter.adaptingDecoder(parts[1].graph))
    }

    /// Name, ONNX type and shape of each value: `image 1 1x3x128x128`.
    private func text(_ values: [GraphValue]) -> [String] {
        values.map { value in
            let lengths = value.shape.map { dimension in
                switch dimension {
                case .fixed(let number): "\(number)"
                case .dynamic(let name): name
                }
            }
            return "\(value.name) \(value.type.onnx) \(lengths.joined(separator: "x"))"
        }
    }

    private static let decoderOutputs = [
        "masks 1 1x1xheightxwidth", "iou_predictions 1 1x1", "low_res_logits 1 1x1x32x32",
    ]

    private func decoderInputs(embedding: Int, mask: Int) -> [String] {
        [
            "image_embeddings 1 1x256x\(embedding)x\(embedding)", "point_coords 1 1xpointsx2",
            "point_labels 1 1xpoints", "mask_input 1 1x1x\(mask)x\(mask)", "has_mask_input 1 1",
            "orig_im_size 1 2",
        ]
    }

    @Test(
        "sam_med2d: the input is a normalized square; embedding and masks have 1/16 and 1/4 of its size"
    )
    func samMed2D() throws {
        let (encoder, decoder) = try graphs(ToolNetwork(.samus), .xAnyLabeling(.samMed2D))
        #expect(text(encoder.inputs) == ["image 1 1x3x128x128"])
        #expect(text(encoder.outputs) == ["image_embeddings 1 1x256x8x8"])
        #expect(text(decoder.inputs) == decoderInputs(embedding: 8, mask: 32))
        #expect(text(decoder.outputs) == Self.decoderOutputs)
    }

    @Test(
        "efficientvit_sam: the input is the bytes of the image, and the embedding has 64x64 cells")
    func efficientViTSAM() throws {
        let (encoder, decoder) = try graphs(ToolNetwork(.samus), .xAnyLabeling(.efficientViTSAM))
        #expect(text(encoder.inputs) == ["image 2 heightxwidthx3"])
        #expect(text(encoder.outputs) == ["image_embeddings 1 1x256x64x64"])
        #expect(text(decoder.inputs) == decoderInputs(embedding: 64, mask: 256))
        #expect(text(decoder.outputs) == Self.decoderOutputs)
    }

    @Test("AnyLabeling: the input is the image in float32, and the embedding is the network's own")
    func anyLabeling() throws {
        let (encoder, decoder) = try graphs(ToolNetwork(.samus), .anyLabeling)
        #expect(text(encoder.inputs) == ["image 1 heightxwidthx3"])
        #expect(text(encoder.outputs) == ["image_embeddings 1 1x256x8x8"])
        #expect(text(decoder.inputs) == decoderInputs(embedding: 8, mask: 256))
        #expect(text(decoder.outputs) == Self.decoderOutputs)
    }

    @Test(
        "names are unique, and nodes read only values that exist",
        arguments: ModelArchitecture.all.filter {
            $0.takesPrompts && AnnotationTool.preparesImages(for: $0)
        })
    func names(kind: ModelArchitecture) throws {
        let network = try ToolNetwork(kind)
        let type = XAnyLabelingType(for: kind)
        for tool in [AnnotationTool.xAnyLabeling(type), .anyLabeling] {
            let (encoder, decoder) = try graphs(network, tool)
            for graph in [encoder, decoder] {
                let defined =
                    graph.inputs.map(\.name) + graph.constants.map(\.name)
                    + graph.nodes.flatMap(\.outputs)
                #expect(Set(defined).count == defined.count)
                var known = Set(graph.inputs.map(\.name) + graph.constants.map(\.name) + [""])
                for node in graph.nodes {
                    #expect(known.isSuperset(of: node.inputs), "\(node)")
                    known.formUnion(node.outputs)
                }
                #expect(known.isSuperset(of: graph.outputs.map(\.name)))
            }
        }
    }

    @Test("a tool that cannot run the network is refused")
    func refusals() throws {
        for kind in [ModelArchitecture.sam, .liteMedSAM, .samusLite] {
            #expect(!XAnyLabelingType.samMed2D.supports(kind))
            #expect(XAnyLabelingType(for: kind) == .efficientViTSAM)
        }
        for kind in [ModelArchitecture.samus, .autoSAMUS] {
            #expect(XAnyLabelingType(for: kind) == .samMed2D)
        }
        let medSAM = try ToolNetwork(.medSAM)
        #expect(throws: ExportError.unsupportedPreprocessing(network: "MedSAM")) {
            try medSAM.exporter.check(.anyLabeling)
        }
        let sam = try ToolNetwork(.sam)
        #expect(throws: ExportError.needsAspectRatio(network: "SAM", type: "sam_med2d")) {
            try sam.exporter.check(.xAnyLabeling(.samMed2D))
        }
        let narrow = try ToolNetwork(.samus, width: 32)
        try narrow.exporter.check(.anyLabeling)
        for type in XAnyLabelingType.allCases {
            #expect(throws: ExportError.self) { try narrow.exporter.check(.xAnyLabeling(type)) }
        }
    }

    @Test("the folder contains config.yaml and the files that it names")
    func folder() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "samus-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let network = try ToolNetwork(.samus)
        try network.exporter.writeModel(
            for: .xAnyLabeling(.samMed2D), named: "no", precision: .float16Weights, to: folder.path)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(files == ["config.yaml", "decoder.onnx", "encoder.onnx"])
        let yaml = try String(
            contentsOf: folder.appendingPathComponent("config.yaml"), encoding: .utf8)
        #expect(
            yaml == """
                # research use only, not a medical device
                type: sam_med2d
                name: "no"
                provider: samus
                display_name: "no (SAMUS, research use only)"
                encoder_model_path: encoder.onnx
                decoder_model_path: decoder.onnx
                input_size: 128

                """)
    }
}

@Suite(
    "An annotation tool gets the same logits as the network gives on libtorch",
    .enabled(if: Runtime.isInstalled, Runtime.reason))
struct AnnotationToolMaskTests {
    /// A smooth colour image, for which methods of resizing differ only by rounding.
    private func image(width: Int, height: Int) -> Image {
        var pixels: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                let (u, v) = (Double(x) / Double(width), Double(y) / Double(height))
                let wave = sin(7 * u + 3 * v) * cos(5 * v - 2 * u)
                pixels += [wave, wave * u, v * wave].map { UInt8(127 + 120 * $0) }
            }
        }
        return Image(width: width, height: height, channels: 3, pixels: pixels)
    }

    private func compare(
        _ kind: ModelArchitecture, _ tool: AnnotationTool, _ image: Image, within tolerance: Double
    ) throws {
        let network = try ToolNetwork(kind)
        let caller = try ToolCaller(network.exporter, tool)
        let encoded = try network.exporter.engine.encode(image)
        let (w, h) = (Double(image.width), Double(image.height))
        let point = PixelPoint(x: (w * 0.4).rounded(), y: (h * 0.6).rounded())
        let box = PixelRectangle(
            x0: (w * 0.2).rounded(), y0: (h * 0.3).rounded(), x1: (w * 0.7).rounded(),
            y1: (h * 0.8).rounded())
        let corners = [PixelPoint(x: box.x0, y: box.y0), PixelPoint(x: box.x1, y: box.y1)]
        let cases: [(Prompt, [PixelPoint], [Float])] = [
            (Prompt(foregroundPoints: [point]), [point], [1]),
            (Prompt(foregroundPoints: [point], box: box), [point] + corners, [1, 2, 3]),
        ]
        for (prompt, points, labels) in cases {
            let low = try encoded.segment(prompt)[0].logits
            let expected = encoded.geometry.restoredLogits(low)
            for hasPadding in [false, true] {
                let padding = PixelPoint(x: 0, y: 0)
                let found = try caller.logits(
                    image, points: points + (hasPadding ? [padding] : []),
                    labels: labels + (hasPadding ? [-1] : []))
                #expect(found.shape == [1, 1, image.height, image.width])
                let difference = Difference(
                    Tensor(found.values), Tensor(expected.values))
                #expect(difference.relativeL2 <= tolerance, "\(difference), padding \(hasPadding)")
            }
        }
    }

    @Test(
        "the graphs for efficientvit_sam give the same logits",
        arguments: zip(
            [ModelArchitecture.samus, .autoSAMUS, .sam, .sam, .liteMedSAM],
            [(90, 141), (301, 200), (90, 141), (301, 200), (90, 141)].map {
                Size(height: $0, width: $1)
            }))
    func efficientViTSAM(kind: ModelArchitecture, size: Size) throws {
        try compare(
            kind, .xAnyLabeling(.efficientViTSAM), image(width: size.width, height: size.height),
            within: 2e-3)
    }

    @Test(
        "the graphs for sam_med2d give the same logits",
        arguments: [Size(height: 90, width: 141), Size(height: 301, width: 200)])
    func samMed2D(size: Size) throws {
        try compare(
            .samus, .xAnyLabeling(.samMed2D), image(width: size.width, height: size.height),
            within: 5e-2)
    }

    @Test(
        "the graphs for samexporter give the same logits for an image that it does not resize",
        arguments: [ModelArchitecture.samus, .sam])
    func anyLabeling(kind: ModelArchitecture) throws {
        try compare(kind, .anyLabeling, image(width: 1024, height: 610), within: 2e-3)
    }
}
