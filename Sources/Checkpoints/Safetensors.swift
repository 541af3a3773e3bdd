import FileIO

/// Writes checkpoints in the safetensors format, which PyTorch and most other programs read.
public enum Safetensors {
    /// Writes named tensors to a file atomically.
    ///
    /// The bytes are written to a temporary file in the same folder, which replaces `path` once it
    /// is complete on the disk. After an error, `path` is unchanged. Only one tensor at a time is in
    /// memory. Tensors with larger elements come first, so that all of them are aligned.
    ///
    /// - Parameters:
    ///   - tensors: the tensors; names must differ.
    ///   - metadata: the metadata of the file.
    ///   - path: the file; replaced if it exists.
    ///   - progress: called before each tensor with the number of tensors already written.
    /// - Throws: ``CheckpointError/writeFailed(path:reason:)``,
    ///   ``CheckpointError/duplicateName(_:)``, and errors of reading a tensor.
    public static func write(
        _ tensors: [(name: String, tensor: StoredTensor)], metadata: [String: String] = [:],
        to path: String, progress: (_ done: Int) -> Void = { _ in }
    ) throws(CheckpointError) {
        var names: Set = ["__metadata__"]
        for (name, _) in tensors where !names.insert(name).inserted {
            throw .duplicateName(name)
        }
        // The position breaks ties: the standard library does not guarantee a stable sort.
        let ordered = tensors.enumerated().sorted { one, other in
            (-one.element.tensor.elementType.byteCount, one.offset)
                < (-other.element.tensor.elementType.byteCount, other.offset)
        }.map(\.element)
        let header = header(of: ordered, metadata)
        let file = try orWriteFailed { () throws(FileError) in try AtomicFile(path) }
        try orWriteFailed { () throws(FileError) in try file.append(header) }
        for (done, (_, tensor)) in ordered.enumerated() {
            progress(done)
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: tensor.byteCount, alignment: 16)
            defer { buffer.deallocate() }
            try tensor.copy(into: buffer)
            try orWriteFailed { () throws(FileError) in
                try file.append(UnsafeRawBufferPointer(buffer))
            }
        }
        try orWriteFailed(file.commit)
    }

    private static func orWriteFailed<Result>(
        _ body: () throws(FileError) -> Result
    ) throws(CheckpointError) -> Result {
        do throws(FileError) {
            return try body()
        } catch {
            throw .writeFailed(path: error.path, reason: error.reason)
        }
    }

    /// The header: its length, and its JSON padded with spaces to a multiple of 8 bytes.
    private static func header(
        of tensors: [(name: String, tensor: StoredTensor)], _ metadata: [String: String]
    ) -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { quoted($0) + ":" + quoted($1) }
            members.append("\"__metadata__\":{" + pairs.joined(separator: ",") + "}")
        }
        var begin = 0
        for (name, tensor) in tensors {
            let end = begin + tensor.byteCount
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            members.append(
                quoted(name) + ":{\"dtype\":\"\(tensor.elementType.safetensorsName)\","
                    + "\"shape\":[\(shape)],\"data_offsets\":[\(begin),\(end)]}")
            begin = end
        }
        var json = [UInt8](("{" + members.joined(separator: ",") + "}").utf8)
        json += [UInt8](repeating: 0x20, count: (8 - json.count % 8) % 8)
        let count = UInt64(json.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + json
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
