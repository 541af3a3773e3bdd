import FileIO
import Foundation
import HTTPTypes
import Hummingbird
import Imaging
import Segmentation

/// The Open Inference Protocol, version 2, of KServe and Triton.
///
/// One model from an image file and a prompt to a mask. Tensors come as JSON or in the binary form.
struct OpenInference {
    /// The name of the model.
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
        let shape: [Int]
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

    private func check(_ context: ServerContext) throws {
        guard try context.id(of: "model") == Self.modelName,
            context.parameters.get("version").map({ $0 == "1" }) ?? true
        else {
            throw RequestError.notFound(
                "the model of this server is '\(Self.modelName)', version 1")
        }
    }

    @Sendable private func ready(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Body: Encodable {
            let name = OpenInference.modelName
            let ready = true
        }
        try check(context)
        return try .json(Body())
    }

    @Sendable private func metadata(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Body: Encodable {
            let name = OpenInference.modelName
            let versions = ["1"]
            let platform = "samus"
            let inputs = OpenInference.inputs
            let outputs = OpenInference.outputs
        }
        try check(context)
        return try .json(Body())
    }

    @Sendable private func infer(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try check(context)
        let call = try InferenceCall(
            await request.bytes(context, service.limits),
            headerLength: request.headers[.inferenceHeaderLength])
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
        let answer = try await service.segment(image, question, for: context.client)
        return try call.answer(answer)
    }
}

/// One call: its tensors, and how the answer is wanted.
private struct InferenceCall {
    struct Tensor {
        let shape: [Int]
        let datatype: String
        let content: Content
    }

    enum Content {
        case numbers([Double])
        case texts([String])
        case binary(ArraySlice<UInt8>)
    }

    struct Parameters: Decodable {
        var binaryDataSize: Int?
        var binaryData: Bool?
        var binaryDataOutput: Bool?
    }

    struct Header: Decodable {
        struct Input: Decodable {
            let name: String
            let shape: [Int]
            let datatype: String
            var parameters: Parameters?
            var data: Data?
        }

        struct Output: Decodable {
            let name: String
            var parameters: Parameters?
        }

        /// Numbers or texts, flat or in nested lists.
        enum Data: Decodable {
            case numbers([Double])
            case texts([String])

            init(from decoder: any Decoder) throws {
                if let flat = try? [Double](from: decoder) {
                    self = .numbers(flat)
                } else if let nested = try? [[Double]](from: decoder) {
                    self = .numbers(nested.flatMap { $0 })
                } else if let nested = try? [[String]](from: decoder) {
                    self = .texts(nested.flatMap { $0 })
                } else {
                    self = .texts(try [String](from: decoder))
                }
            }
        }

        var id: String?
        let inputs: [Input]
        var outputs: [Output]?
        var parameters: Parameters?
    }

    let header: Header
    let tensors: [String: Tensor]

    init(_ body: [UInt8], headerLength: String?) throws {
        var length = body.count
        if let headerLength {
            guard let given = Int(headerLength), (0...body.count).contains(given) else {
                throw RequestError.badRequest(
                    "Inference-Header-Content-Length is '\(headerLength.prefix(40))', the body has "
                        + "\(body.count) bytes")
            }
            length = given
        }
        header = try JSON.decode(Header.self, from: body[..<length])
        var place = length
        var tensors: [String: Tensor] = [:]
        for input in header.inputs {
            let content: Content
            if let size = input.parameters?.binaryDataSize {
                guard size >= 0, size <= body.count - place else {
                    throw RequestError.badRequest(
                        "the tensor '\(input.name.prefix(40))' states \(size) bytes; "
                            + "\(body.count - place) are left")
                }
                content = .binary(body[place..<place + size])
                place += size
            } else {
                switch input.data {
                case .numbers(let numbers): content = .numbers(numbers)
                case .texts(let texts): content = .texts(texts)
                case nil:
                    throw RequestError.badRequest(
                        "the tensor '\(input.name.prefix(40))' has no data")
                }
            }
            tensors[input.name] = Tensor(
                shape: input.shape, datatype: input.datatype, content: content)
        }
        self.tensors = tensors
    }

    /// The image file: BYTES of one element, as base64 in JSON, or UINT8.
    func imageBytes() throws -> [UInt8] {
        guard let tensor = tensors["image"] else {
            throw RequestError.badRequest("the request has no tensor 'image'")
        }
        switch tensor.content {
        case .texts(let texts):
            guard texts.count == 1 else {
                throw RequestError.badRequest("'image' has \(texts.count) elements; 1 is needed")
            }
            return try SegmentRequest.decoded(texts[0])
        case .binary(let bytes):
            guard tensor.datatype == "BYTES" else { return Array(bytes) }
            // An element begins with its length, 4 bytes, little endian.
            guard bytes.count >= 4 else {
                throw RequestError.badRequest("'image' has \(bytes.count) bytes")
            }
            let length = bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            guard length == bytes.count - 4 else {
                throw RequestError.badRequest(
                    "'image' states \(length) bytes and has \(bytes.count - 4); 1 element is needed"
                )
            }
            return Array(bytes.dropFirst(4))
        case .numbers(let numbers):
            return try numbers.map {
                guard let byte = UInt8(exactly: $0) else {
                    throw RequestError.badRequest(
                        "'image' has the value \($0): 0 to 255 are needed")
                }
                return byte
            }
        }
    }

    /// The numbers of a tensor; nil where there is none.
    func numbers(_ name: String) throws -> [Double]? {
        guard let tensor = tensors[name] else { return nil }
        switch tensor.content {
        case .numbers(let numbers): return numbers
        case .texts: throw RequestError.badRequest("the tensor '\(name)' needs numbers")
        case .binary(let bytes):
            let widths = ["FP32": 4, "INT32": 4, "FP64": 8, "INT64": 8, "UINT8": 1]
            guard let width = widths[tensor.datatype], bytes.count % width == 0 else {
                throw RequestError.badRequest(
                    "the tensor '\(name)' has datatype '\(tensor.datatype.prefix(20))' and "
                        + "\(bytes.count) bytes; FP32, FP64, INT32, INT64 or UINT8 is needed")
            }
            return stride(from: bytes.startIndex, to: bytes.endIndex, by: width).map { start in
                let bits = bytes[start..<start + width].reversed().reduce(UInt64(0)) {
                    $0 << 8 | UInt64($1)
                }
                return switch tensor.datatype {
                case "FP32": Double(Float(bitPattern: UInt32(bits)))
                case "FP64": Double(bitPattern: bits)
                case "INT32": Double(Int32(bitPattern: UInt32(bits)))
                case "INT64": Double(Int64(bitPattern: bits))
                default: Double(bits)
                }
            }
        }
    }

    /// Points with labels (1 on the object, 0 outside) and a box.
    func prompt() throws -> Prompt {
        let points = try numbers("points") ?? []
        let labels = try numbers("labels") ?? Array(repeating: 1, count: points.count / 2)
        guard points.count % 2 == 0, labels.count == points.count / 2 else {
            throw RequestError.unprocessable(
                "'points' has \(points.count) numbers and 'labels' \(labels.count): two numbers and "
                    + "one label for each point")
        }
        let clicks = labels.enumerated().map { index, label in
            PromptClick(
                PixelPoint(x: points[2 * index], y: points[2 * index + 1]),
                isForeground: label > 0)
        }
        var box: PixelRectangle?
        if let corners = try numbers("box"), !corners.isEmpty {
            guard corners.count == 4 else {
                throw RequestError.unprocessable("'box' has \(corners.count) numbers; 4 are needed")
            }
            box = PixelRectangle(x0: corners[0], y0: corners[1], x1: corners[2], y1: corners[3])
        }
        return Prompt(clicks: clicks, box: box)
    }

    private struct Answer: Encodable {
        struct Output: Encodable {
            struct Parameters: Encodable {
                let binaryDataSize: Int
            }
            let name: String
            let shape: [Int]
            let datatype: String
            var parameters: Parameters?
            var data: [Float]?
        }
        let modelName = OpenInference.modelName
        let modelVersion = "1"
        let id: String?
        let outputs: [Output]
    }

    func answer(_ answer: SegmentationService.Answer) throws -> Response {
        let result = answer.masks[0]
        let mask = result.mask
        func bytes(_ value: Float) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
        }
        // Models without the estimate are sure.
        let presence = result.presence ?? 1
        let all: [(name: String, shape: [Int], datatype: String, bytes: [UInt8], data: [Float])] = [
            ("mask", [mask.height, mask.width], "UINT8", mask.values, mask.values.map(Float.init)),
            ("iou", [1], "FP32", bytes(result.iouEstimate), [result.iouEstimate]),
            ("presence", [1], "FP32", bytes(presence), [presence]),
        ]
        let wanted = header.outputs ?? []
        for output in wanted where !all.contains(where: { $0.name == output.name }) {
            throw RequestError.badRequest("there is no output '\(output.name.prefix(40))'")
        }
        var outputs: [Answer.Output] = []
        var binary: [UInt8] = []
        for tensor in all {
            let request = wanted.first { $0.name == tensor.name }
            guard wanted.isEmpty || request != nil else { continue }
            var output = Answer.Output(
                name: tensor.name, shape: tensor.shape, datatype: tensor.datatype)
            if request?.parameters?.binaryData ?? header.parameters?.binaryDataOutput ?? false {
                output.parameters = .init(binaryDataSize: tensor.bytes.count)
                binary += tensor.bytes
            } else {
                output.data = tensor.data
            }
            outputs.append(output)
        }
        let text = try JSON.encode(Answer(id: header.id, outputs: outputs))
        guard !binary.isEmpty else { return .data(text, type: "application/json") }
        var response = Response.data(text + binary, type: "application/octet-stream")
        response.headers[.inferenceHeaderLength] = "\(text.count)"
        return response
    }
}
