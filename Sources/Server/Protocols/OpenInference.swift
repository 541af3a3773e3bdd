import FileIO
import Foundation
import HTTPTypes
import Hummingbird
import Imaging
import Inference
import Segmentation

/// The Open Inference Protocol, version 2, of KServe and Triton.
///
/// The model `samus` takes an image file and a prompt and returns a mask. Its encoder and decoders are
/// models of their own, for programs that prepare images and restore masks themselves. Tensors come as
/// JSON or in the binary form.
struct OpenInference {
    /// The name of the model from an image file to a mask.
    static let modelName = "samus"

    let service: SegmentationService

    func add(to table: inout RouteTable) {
        table.add(.get, "/v2", server)
        table.add(.get, "/v2/health/live", live)
        table.add(.get, "/v2/health/ready", live)
        for prefix in ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"] {
            table.add(.get, prefix, metadata)
            table.add(.get, prefix + "/ready", ready)
            table.add(.post, prefix + "/infer", infer)
        }
    }

    private struct TensorMetadata: Encodable {
        let name: String
        let datatype: String
        /// -1 for an axis of any length.
        let shape: [Int]

        init(name: String, datatype: String, shape: [Int]) {
            (self.name, self.datatype, self.shape) = (name, datatype, shape)
        }

        init(_ port: TensorNetwork.Port) {
            self.init(name: port.name, datatype: "FP32", shape: port.shape.map { $0 ?? -1 })
        }
    }

    /// A model that can be called.
    private enum Served {
        case wholeModel
        case network(TensorNetwork)

        var name: String {
            switch self {
            case .wholeModel: OpenInference.modelName
            case .network(let network):
                switch network.role {
                case .encoder: "samus-encoder"
                case .decoder: "samus-decoder"
                case .promptFreeDecoder: "samus-prompt-free-decoder"
                }
            }
        }

        var inputs: [TensorMetadata] {
            switch self {
            case .wholeModel: OpenInference.inputs
            case .network(let network): network.inputs.map(TensorMetadata.init)
            }
        }

        var outputs: [TensorMetadata] {
            switch self {
            case .wholeModel: OpenInference.outputs
            case .network(let network): network.outputs.map(TensorMetadata.init)
            }
        }
    }

    private static let inputs = [
        TensorMetadata(name: "image", datatype: "BYTES", shape: [1]),
        TensorMetadata(name: "points", datatype: "FP32", shape: [-1, 2]),
        TensorMetadata(name: "labels", datatype: "INT64", shape: [-1]),
        TensorMetadata(name: "box", datatype: "FP32", shape: [4]),
        TensorMetadata(name: "frame", datatype: "INT64", shape: [1]),
    ]

    private static let outputs = [
        TensorMetadata(name: "mask", datatype: "UINT8", shape: [-1, -1]),
        TensorMetadata(name: "iou", datatype: "FP32", shape: [1]),
        TensorMetadata(name: "presence", datatype: "FP32", shape: [1]),
    ]

    @Sendable private func server(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Body: Encodable {
            let name = "samus"
            let version: String
            let extensions = ["binary_tensor_data"]
        }
        return try .json(Body(version: service.version))
    }

    @Sendable private func live(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try .json(["live": true, "ready": true])
    }

    /// The model that the path names.
    ///
    /// - Throws: ``RequestError`` with status 404 where there is none.
    private func served(_ context: ServerContext) async throws -> Served {
        let queue = service.queue
        let networks = try await Blocking.run { queue.networks }
        let models = [Served.wholeModel] + networks.map(Served.network)
        let name = try context.id(of: "model")
        guard let model = models.first(where: { $0.name == name }),
            context.parameters.get("version").map({ $0 == "1" }) ?? true
        else {
            throw RequestError.notFound(
                "the models of this server are \(models.map(\.name).joined(separator: ", ")), each "
                    + "in version 1")
        }
        return model
    }

    @Sendable private func ready(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Body: Encodable {
            let name: String
            let ready = true
        }
        return try .json(Body(name: await served(context).name))
    }

    @Sendable private func metadata(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Body: Encodable {
            let name: String
            let versions = ["1"]
            let platform = "samus"
            let inputs: [TensorMetadata]
            let outputs: [TensorMetadata]
        }
        let model = try await served(context)
        return try .json(Body(name: model.name, inputs: model.inputs, outputs: model.outputs))
    }

    @Sendable private func infer(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let model = try await served(context)
        let bytes = try await request.bytes(context, service.limits)
        let call = try await Blocking.run {
            try InferenceCall(bytes, headerLength: request.headers[.inferenceHeaderLength])
        }
        let outputs =
            switch model {
            case .wholeModel: try await masks(call, context)
            case .network(let network):
                try await tensors(call, network, name: model.name, context)
            }
        return try await Blocking.run { try call.answer(outputs, model: model.name) }
    }

    private func masks(
        _ call: InferenceCall, _ context: ServerContext
    ) async throws -> [InferenceCall.Output] {
        let (store, bytes) = (service.store, try call.imageBytes())
        let image = try await Blocking.run { try store.image(bytes) }
        var question = SegmentationService.Question(
            prompt: service.model.architecture.isPromptFree ? nil : try call.prompt(),
            action: "POST /v2/models/samus/infer")
        if let frame = try call.numbers("frame")?.first {
            guard (1...1e6).contains(frame) else {
                throw RequestError.unprocessable("the frame is \(frame): a number from 1 is needed")
            }
            question.frame = Int(frame)
        }
        let result = try await service.segment(image, question, for: context.client).masks[0]
        // Models without the estimate are sure.
        return [
            .init(result.mask), .init("iou", [result.iouEstimate], shape: [1]),
            .init("presence", [result.presence ?? 1], shape: [1]),
        ]
    }

    private func tensors(
        _ call: InferenceCall, _ network: TensorNetwork, name: String, _ context: ServerContext
    ) async throws -> [InferenceCall.Output] {
        let inputs = try await Blocking.run { try network.complete(call.floatTensors()) }
        let results = try await service.run(
            network, inputs, action: "POST /v2/models/\(name)/infer", for: context.client)
        return zip(network.outputs, results).map { port, tensor in
            .init(port.name, tensor.values, shape: tensor.shape)
        }
    }
}
