import FileIO
import Torch

/// A graph as a file of ONNX (onnx.proto, IR version 8).
enum ONNXFile {
    /// A file of Protocol Buffers cannot be larger.
    static let largest = Int(Int32.max)

    /// Writes a graph; constants are written one by one, so that none is held twice.
    ///
    /// - Parameters:
    ///   - graph: the computation.
    ///   - remarks: kept in the file: licence, origin.
    ///   - file: takes the bytes.
    /// - Throws: ``ExportError/tooLarge(bytes:)``, `FileError`.
    static func write(
        _ graph: Graph, remarks: [(key: String, value: String)], to file: inout HashedFile
    ) throws {
        let heads = graph.constants.map(head)
        let constantsLength = zip(heads, graph.constants).reduce(0) { total, part in
            total + framed(part.0, part.1).bytes.count + part.1.byteCount
        }
        let rest = body(of: graph)
        let graphLength = rest.bytes.count + constantsLength
        let model = opening(remarks, graphLength: graphLength)
        let total = model.bytes.count + graphLength
        guard total <= largest else { throw ExportError.tooLarge(bytes: total) }
        try file.append(model.bytes)
        try file.append(rest.bytes)
        for (head, constant) in zip(heads, graph.constants) {
            try file.append(framed(head, constant).bytes)
            try constant.tensor.withUnsafeBytes { try file.append($0) }
        }
    }

    /// ModelProto up to the content of its graph, which comes last.
    private static func opening(
        _ remarks: [(key: String, value: String)], graphLength: Int
    ) -> ProtobufMessage {
        var model = ProtobufMessage()
        model.add(1, 8)
        model.add(2, "samus")
        var operators = ProtobufMessage()
        operators.add(1, "")
        operators.add(2, Graph.operatorSet)
        model.add(8, operators)
        for (key, value) in remarks {
            var remark = ProtobufMessage()
            remark.add(1, key)
            remark.add(2, value)
            model.add(14, remark)
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

    /// TensorProto of a constant up to the content of `raw_data`.
    private static func head(of constant: GraphConstant) -> ProtobufMessage {
        var message = ProtobufMessage()
        for length in constant.tensor.shape { message.add(1, length) }
        message.add(2, constant.tensor.dtype.onnx)
        message.add(8, constant.name)
        message.begin(9, length: constant.byteCount)
        return message
    }

    /// The same as a field of the graph.
    private static func framed(
        _ head: ProtobufMessage, _ constant: GraphConstant
    ) -> ProtobufMessage {
        var message = ProtobufMessage()
        message.begin(5, length: head.bytes.count + constant.byteCount)
        return message.followed(by: head)
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
            case .word(let word):
                attribute.add(4, word)
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
            case .named(let name): dimension.add(2, name)
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

extension GraphConstant {
    var byteCount: Int { tensor.elementCount * tensor.dtype.byteCount }
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
