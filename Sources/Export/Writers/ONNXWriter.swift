import FileIO
import Torch

/// Writes graphs as ONNX files (onnx.proto, IR version 8).
enum ONNXWriter {
    /// The limit of Protocol Buffers.
    private static let largestFile = Int(Int32.max)

    /// Writes a graph; the bytes of constants go to the file one constant at a time, without a copy.
    ///
    /// - Parameters:
    ///   - graph: the computation.
    ///   - metadata: stored in the file: licence, origin.
    ///   - file: receives the bytes.
    /// - Throws: ``ExportError/tooLarge(bytes:)``, `FileError`.
    static func write(
        _ graph: Graph, metadata: [(key: String, value: String)], to file: inout HashedFile
    ) throws {
        let headers = graph.constants.map(header)
        let constantsLength = zip(headers, graph.constants).reduce(0) { total, part in
            total + initializer(part.0, part.1).bytes.count + part.1.byteCount
        }
        let body = body(of: graph)
        let graphLength = body.bytes.count + constantsLength
        let model = modelHeader(metadata, graphLength: graphLength)
        let total = model.bytes.count + graphLength
        guard total <= largestFile else { throw ExportError.tooLarge(bytes: total) }
        try file.append(model.bytes)
        try file.append(body.bytes)
        for (header, constant) in zip(headers, graph.constants) {
            try file.append(initializer(header, constant).bytes)
            guard constant.external == nil else { continue }
            try constant.tensor.withUnsafeBytes { try file.append($0) }
        }
    }

    /// ModelProto up to the content of its graph, which comes last.
    private static func modelHeader(
        _ metadata: [(key: String, value: String)], graphLength: Int
    ) -> ProtobufMessage {
        var model = ProtobufMessage()
        model.add(1, 8)
        model.add(2, "samus")
        var operators = ProtobufMessage()
        operators.add(1, "")
        operators.add(2, Graph.operatorSet)
        model.add(8, operators)
        for (key, value) in metadata {
            var entry = ProtobufMessage()
            entry.add(1, key)
            entry.add(2, value)
            model.add(14, entry)
        }
        model.begin(7, length: graphLength)
        return model
    }

    /// GraphProto without its constants.
    private static func body(of graph: Graph) -> ProtobufMessage {
        var message = ProtobufMessage()
        message.add(2, graph.name)
        for node in graph.nodes { message.add(1, self.message(of: node)) }
        for value in graph.inputs { message.add(11, self.message(of: value)) }
        for value in graph.outputs { message.add(12, self.message(of: value)) }
        return message
    }

    /// TensorProto of a constant up to the content of `raw_data`; all of it where the values are in
    /// another file.
    private static func header(of constant: GraphConstant) -> ProtobufMessage {
        var message = ProtobufMessage()
        for length in constant.tensor.shape { message.add(1, length) }
        message.add(2, constant.tensor.dtype.onnx)
        message.add(8, constant.name)
        guard let external = constant.external else {
            message.begin(9, length: constant.byteCount)
            return message
        }
        for (key, value) in [
            ("location", external.file), ("offset", "\(external.offset)"),
            ("length", "\(external.length)"),
        ] {
            var entry = ProtobufMessage()
            entry.add(1, key)
            entry.add(2, value)
            message.add(13, entry)
        }
        message.add(14, 1)
        return message
    }

    /// GraphProto's field `initializer` up to the content of `raw_data`.
    private static func initializer(
        _ header: ProtobufMessage, _ constant: GraphConstant
    ) -> ProtobufMessage {
        var message = ProtobufMessage()
        message.begin(5, length: header.bytes.count + constant.byteCount)
        return message.followed(by: header)
    }

    private static func message(of node: GraphNode) -> ProtobufMessage {
        var message = ProtobufMessage()
        for name in node.inputs { message.add(1, name) }
        for name in node.outputs { message.add(2, name) }
        message.add(3, node.outputs[0])
        message.add(4, node.op)
        for (name, value) in node.attributes {
            var attribute = ProtobufMessage()
            attribute.add(1, name)
            switch value {
            case .real(let number):
                attribute.add(2, Float(number))
                attribute.add(20, 1)
            case .integer(let number):
                attribute.add(3, number)
                attribute.add(20, 2)
            case .string(let text):
                attribute.add(4, text)
                attribute.add(20, 3)
            case .integers(let numbers):
                for number in numbers { attribute.add(8, number) }
                attribute.add(20, 7)
            }
            message.add(5, attribute)
        }
        return message
    }

    private static func message(of value: GraphValue) -> ProtobufMessage {
        var shape = ProtobufMessage()
        for length in value.shape {
            var dimension = ProtobufMessage()
            switch length {
            case .fixed(let number): dimension.add(1, number)
            case .dynamic(let name): dimension.add(2, name)
            }
            shape.add(1, dimension)
        }
        var tensor = ProtobufMessage()
        tensor.add(1, value.type.onnx)
        tensor.add(2, shape)
        var type = ProtobufMessage()
        type.add(1, tensor)
        var message = ProtobufMessage()
        message.add(1, value.name)
        message.add(2, type)
        return message
    }
}

extension ProtobufMessage {
    /// Both messages' bytes, one after the other.
    fileprivate func followed(by other: ProtobufMessage) -> ProtobufMessage {
        ProtobufMessage(bytes: bytes + other.bytes)
    }
}

extension DType {
    /// ONNX's number of the type (TensorProto.DataType).
    var onnx: Int {
        switch self {
        case .float32: 1
        case .uint8: 2
        case .int8: 3
        case .int16: 5
        case .int32: 6
        case .int64: 7
        case .bool: 9
        case .float16: 10
        case .float64: 11
        case .bfloat16: 16
        }
    }
}
