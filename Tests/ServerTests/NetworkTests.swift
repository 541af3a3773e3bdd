import Foundation
import Imaging
import Inference
import Segmentation
import Testing

@testable import Server

/// A formula as encoder and decoder: the embedding is twice the image, and the logits of a prompt are
/// its first point.
private struct FormulaNetworks: TensorEngine {
    let engine = BrightEngine()
    var model: ModelDescription { engine.model }
    let networks = [
        TensorNetwork(
            role: .encoder, inputs: [.init("images", [1, 1, 2, 2])],
            outputs: [.init("image_embeddings", [1, 1, 2, 2])]),
        TensorNetwork(
            role: .decoder,
            inputs: [
                .init("image_embeddings", [nil, 1, 2, 2]), .init("point_coords", [nil, nil, 2]),
                .init("point_labels", [nil, nil]), .init("mask_input", [nil, 1, 8, 8]),
                .init("has_mask_input", [1]),
            ], outputs: [.init("low_res_masks", [nil, 2])]),
    ]

    func encode(_ image: Image) throws -> any EncodedImage { try engine.encode(image) }

    func run(
        _ network: TensorNetwork, _ inputs: [String: FloatTensor]
    ) throws -> [FloatTensor] {
        if network.role == .encoder, let images = inputs["images"] {
            return [FloatTensor(images.values.map { 2 * $0 }, shape: images.shape)]
        }
        let points = try #require(inputs["point_coords"])
        let (prompts, count) = (points.shape[0], points.shape[1])
        let first = (0..<prompts).flatMap { (prompt: Int) -> [Float] in
            let start = 2 * prompt * count
            return [points.values[start], points.values[start + 1]]
        }
        return [FloatTensor(first, shape: [prompts, 2])]
    }
}

extension ServerTests {
    @Suite("Encoder and decoder as models")
    struct NetworkTests {
        private static let embedding =
            #"{"name":"image_embeddings","shape":[1,1,2,2],"datatype":"FP32","data":[[[[2,4],[6,8]]]]}"#

        private func inputs(_ tensors: String...) -> String {
            #"{"inputs":[\#(tensors.joined(separator: ","))]}"#
        }

        @Test("metadata names the tensors, -1 stands for any length")
        func metadata() async throws {
            try await withServer(engine: FormulaNetworks()) { client in
                let reply = try await client.send("GET", "/v2/models/samus-decoder")
                let inputs = try #require(try reply.object()["inputs"] as? [[String: Any]])
                #expect(inputs[1]["name"] as? String == "point_coords")
                #expect(inputs[1]["datatype"] as? String == "FP32")
                #expect(inputs[1]["shape"] as? [Int] == [-1, -1, 2])
                let ready = try await client.send("GET", "/v2/models/samus-encoder/ready")
                #expect(ready.status == 200)
                let missing = try await client.send("GET", "/v2/models/samus-prompt-free-decoder")
                #expect(missing.status == 404)
                #expect(missing.error.contains("samus, samus-encoder, samus-decoder"))
            }
        }

        @Test("tensors in, tensors out, as JSON and in the binary form")
        func run() async throws {
            let image: [UInt8] = [1, 2, 3, 4].flatMap { (value: Float) in
                withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
            }
            let header =
                #"{"inputs":[{"name":"images","shape":[1,1,2,2],"datatype":"FP32","parameters":{"binary_data_size":16}}],"parameters":{"binary_data_output":true}}"#
            try await withServer(engine: FormulaNetworks()) { client in
                let encoded = try await client.send(
                    "POST", "/v2/models/samus-encoder/infer",
                    headers: [("Inference-Header-Content-Length", "\(header.utf8.count)")],
                    body: Array(header.utf8) + image)
                #expect(encoded.status == 200, "\(encoded.text)")
                let values = encoded.body.suffix(16).withUnsafeBytes { memory in
                    (0..<4).map { memory.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
                }
                #expect(values == [2, 4, 6, 8])
                let decoded = try await client.json(
                    "POST", "/v2/models/samus-decoder/infer",
                    inputs(
                        Self.embedding,
                        #"{"name":"point_coords","shape":[2,1,2],"datatype":"FP32","data":[[[5,6]],[[7,8]]]}"#,
                        #"{"name":"point_labels","shape":[2,1],"datatype":"INT64","data":[1,0]}"#))
                #expect(decoded.status == 200, "\(decoded.text)")
                let outputs = try #require(try decoded.object()["outputs"] as? [[String: Any]])
                #expect(outputs[0]["shape"] as? [Int] == [2, 2])
                #expect(outputs[0]["data"] as? [Float] == [5, 6, 7, 8])
                #expect(try decoded.object()["model_name"] as? String == "samus-decoder")
            }
        }

        @Test("calls are in the audit log, by the hashes of their tensors")
        func audited() async throws {
            try await withFolder { folder in
                let log = "\(folder)/audit.jsonl"
                try await withServer(engine: FormulaNetworks(), { $0.auditLog = log }) { client in
                    let reply = try await client.json(
                        "POST", "/v2/models/samus-encoder/infer",
                        inputs(
                            #"{"name":"images","shape":[1,1,2,2],"datatype":"FP32","data":[1,2,3,4]}"#
                        ))
                    #expect(reply.status == 200)
                }
                let text = try String(contentsOfFile: log, encoding: .utf8)
                let line = try #require(
                    try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
                #expect(line["action"] as? String == "POST /v2/models/samus-encoder/infer")
                #expect((line["input_sha256"] as? [String])?.first?.count == 64)
                #expect((line["output_sha256"] as? [String])?.count == 1)
            }
        }

        @Test("tensors that do not fit are refused with what is needed")
        func refused() async throws {
            let points = #"{"name":"point_coords","shape":[1,1,2],"datatype":"FP32","data":[5,6]}"#
            let labels = #"{"name":"point_labels","shape":[1,1],"datatype":"FP32","data":[1]}"#
            let cases: [(model: String, body: String, status: Int, reason: String)] = [
                ("samus-encoder", inputs(), 422, "'images' is missing"),
                (
                    "samus-encoder",
                    inputs(
                        #"{"name":"images","shape":[1,1,2,2],"datatype":"FP32","data":[1,2,3]}"#),
                    422, "has 3 elements"
                ),
                (
                    "samus-encoder",
                    inputs(#"{"name":"images","shape":[4],"datatype":"FP32","data":[1,2,3,4]}"#),
                    422, "[1, 1, 2, 2] is needed"
                ),
                (
                    "samus-encoder",
                    inputs(
                        #"{"name":"images","shape":[9223372036854775807,4],"datatype":"FP32","data":[1]}"#
                    ), 422, "has 1 elements"
                ),
                (
                    "samus-encoder",
                    inputs(
                        #"{"name":"images","shape":[1,1,2,2],"datatype":"FP32","data":[1,2,3,"nan"]}"#
                    ), 422, "not finite"
                ),
                (
                    "samus-encoder",
                    inputs(#"{"name":"images","shape":[1],"datatype":"BYTES","data":["a"]}"#), 400,
                    "needs numbers"
                ),
                (
                    "samus-encoder",
                    inputs(
                        #"{"name":"images","shape":[1],"datatype":"FP32","data":[[[[[[[[[[1]]]]]]]]]]}"#
                    ), 400, "nested at most"
                ),
                ("samus-decoder", inputs(Self.embedding, points), 422, "'point_labels' is missing"),
                (
                    "samus-decoder",
                    inputs(
                        Self.embedding, points,
                        labels.replacing("[1,1]", with: "[1,2]")
                            .replacing("[1]}", with: "[1,0]}")), 422,
                    "'point_labels' has shape [1, 2]"
                ),
                (
                    "samus-decoder",
                    inputs(
                        Self.embedding, points, labels,
                        #"{"name":"wrong","shape":[1],"datatype":"FP32","data":[1]}"#), 422,
                    "no input 'wrong'"
                ),
                (
                    "samus-decoder",
                    inputs(
                        Self.embedding, labels,
                        #"{"name":"point_coords","shape":[1,0,2],"datatype":"FP32","data":[]}"#),
                    422, "'point_coords' has shape [1, 0, 2]"
                ),
            ]
            try await withServer(engine: FormulaNetworks()) { client in
                for (model, body, status, reason) in cases {
                    let reply = try await client.json("POST", "/v2/models/\(model)/infer", body)
                    #expect(reply.status == status, "\(body): \(reply.text)")
                    #expect(reply.error.contains(reason), "\(body): \(reply.error)")
                }
            }
        }
    }
}
