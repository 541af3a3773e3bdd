import FileIO
import Foundation
import HTTPTypes
import Hummingbird
import Imaging
import Inference
import Segmentation

/// One call: its tensors, and how the answer is wanted.
struct InferenceCall {
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

            /// Tensors have few axes: deeper lists are refused.
            private static let maximumDepth = 8

            init(from decoder: any Decoder) throws {
                if let numbers: [Double] = Self.flat(decoder, depth: 1) {
                    self = .numbers(numbers)
                } else if let texts: [String] = Self.flat(decoder, depth: 1) {
                    self = .texts(texts)
                } else {
                    throw DecodingError.dataCorrupted(
                        .init(
                            codingPath: decoder.codingPath,
                            debugDescription: "a list of numbers or of texts is needed, flat or "
                                + "nested at most \(Self.maximumDepth) deep"))
                }
            }

            private static func flat<Element: Decodable>(
                _ decoder: any Decoder, depth: Int
            ) -> [Element]? {
                if let elements = try? [Element](from: decoder) { return elements }
                guard depth < maximumDepth, var lists = try? decoder.unkeyedContainer() else {
                    return nil
                }
                var all: [Element] = []
                while !lists.isAtEnd {
                    guard let inner = try? lists.superDecoder(),
                        let elements: [Element] = flat(inner, depth: depth + 1)
                    else { return nil }
                    all += elements
                }
                return all
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
            return bytes.withUnsafeBytes { memory in
                stride(from: 0, to: memory.count, by: width).map { place in
                    func element<Value: BitwiseCopyable>(_ type: Value.Type) -> Value {
                        memory.loadUnaligned(fromByteOffset: place, as: type)
                    }
                    return switch tensor.datatype {
                    case "FP32":
                        Double(Float(bitPattern: UInt32(littleEndian: element(UInt32.self))))
                    case "FP64": Double(bitPattern: UInt64(littleEndian: element(UInt64.self)))
                    case "INT32": Double(Int32(littleEndian: element(Int32.self)))
                    case "INT64": Double(Int64(littleEndian: element(Int64.self)))
                    default: Double(element(UInt8.self))
                    }
                }
            }
        }
    }

    /// The tensors of a call of a network, as numbers of float32.
    ///
    /// - Throws: ``RequestError`` where the number of elements is not that of the shape.
    func floatTensors() throws -> [String: FloatTensor] {
        var found: [String: FloatTensor] = [:]
        for (name, tensor) in tensors {
            let values = try numbers(name) ?? []
            var count: Int? = 1
            for length in tensor.shape {
                count = count.flatMap {
                    let (product, isTooLarge) = $0.multipliedReportingOverflow(by: length)
                    return isTooLarge || length < 0 ? nil : product
                }
            }
            guard count == values.count, tensor.shape.count <= 8 else {
                throw RequestError.unprocessable(
                    "the tensor '\(name.prefix(40))' has \(values.count) elements, its shape is "
                        + "\(tensor.shape.prefix(8))")
            }
            found[name] = FloatTensor(values.map(Float.init), shape: tensor.shape)
        }
        return found
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

    /// A tensor of an answer.
    struct Output {
        let name: String
        let shape: [Int]
        let datatype: String
        /// The elements in the binary form: little endian.
        let bytes: [UInt8]
        /// The elements as JSON.
        let data: [Float]

        init(_ name: String, _ values: [Float], shape: [Int]) {
            (self.name, self.shape, datatype, data) = (name, shape, "FP32", values)
            bytes = values.map(\.bitPattern.littleEndian).withUnsafeBytes { Array($0) }
        }

        init(_ mask: Mask) {
            (name, shape, datatype) = ("mask", [mask.height, mask.width], "UINT8")
            bytes = mask.values
            data = mask.values.map(Float.init)
        }
    }

    private struct Answer: Encodable {
        struct Tensor: Encodable {
            struct Parameters: Encodable {
                let binaryDataSize: Int
            }
            let name: String
            let shape: [Int]
            let datatype: String
            var parameters: Parameters?
            var data: [Float]?
        }
        let modelName: String
        let modelVersion = "1"
        let id: String?
        let outputs: [Tensor]
    }

    /// The answer with the outputs that were asked for; all of them where none was named.
    func answer(_ all: [Output], model: String) throws -> Response {
        let wanted = header.outputs ?? []
        for output in wanted where !all.contains(where: { $0.name == output.name }) {
            throw RequestError.badRequest("there is no output '\(output.name.prefix(40))'")
        }
        var outputs: [Answer.Tensor] = []
        var binary: [UInt8] = []
        for tensor in all {
            let request = wanted.first { $0.name == tensor.name }
            guard wanted.isEmpty || request != nil else { continue }
            var output = Answer.Tensor(
                name: tensor.name, shape: tensor.shape, datatype: tensor.datatype)
            if request?.parameters?.binaryData ?? header.parameters?.binaryDataOutput ?? false {
                output.parameters = .init(binaryDataSize: tensor.bytes.count)
                binary += tensor.bytes
            } else {
                output.data = tensor.data
            }
            outputs.append(output)
        }
        let text = try JSON.encode(Answer(modelName: model, id: header.id, outputs: outputs))
        guard !binary.isEmpty else { return .data(text, type: "application/json") }
        var response = Response.data(text + binary, type: "application/octet-stream")
        response.headers[.inferenceHeaderLength] = "\(text.count)"
        return response
    }
}
