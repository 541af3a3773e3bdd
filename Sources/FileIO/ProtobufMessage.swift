/// A message in the wire format of Protocol Buffers, the format of ONNX files and TensorBoard events.
///
/// https://protobuf.dev/programming-guides/encoding/
public struct ProtobufMessage: Sendable {
    /// The encoded fields, in the order in which they were added.
    public private(set) var bytes: [UInt8]

    /// - Parameter bytes: encoded fields.
    public init(bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    /// Adds an integer, even if it is 0.
    ///
    /// - Parameters:
    ///   - field: the field's number.
    ///   - number: the value, encoded as a varint.
    public mutating func add(_ field: Int, _ number: Int) {
        addKey(field, wireType: 0)
        addVarint(UInt64(bitPattern: Int64(number)))
    }

    /// Adds an integer unless it is 0, as proto3 does: a missing field means 0.
    ///
    /// - Parameters:
    ///   - field: the field's number.
    ///   - number: the value, encoded as a varint.
    public mutating func addUnlessZero(_ field: Int, _ number: Int) {
        if number != 0 { add(field, number) }
    }

    /// Adds a 32-bit floating-point number.
    ///
    /// - Parameters:
    ///   - field: the field's number.
    ///   - number: the value.
    public mutating func add(_ field: Int, _ number: Float) {
        addKey(field, wireType: 5)
        withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes += $0 }
    }

    /// Adds a 64-bit floating-point number.
    ///
    /// - Parameters:
    ///   - field: the field's number.
    ///   - number: the value.
    public mutating func add(_ field: Int, _ number: Double) {
        addKey(field, wireType: 1)
        withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes += $0 }
    }

    /// Adds a string.
    ///
    /// - Parameters:
    ///   - field: the field's number.
    ///   - text: the value, encoded as UTF-8.
    public mutating func add(_ field: Int, _ text: String) {
        add(field, bytes: Array(text.utf8))
    }

    /// Adds a message inside this one.
    ///
    /// - Parameters:
    ///   - field: the field's number.
    ///   - message: the value.
    public mutating func add(_ field: Int, _ message: ProtobufMessage) {
        add(field, bytes: message.bytes)
    }

    /// Adds bytes.
    ///
    /// - Parameters:
    ///   - field: the field's number.
    ///   - content: the value.
    public mutating func add(_ field: Int, bytes content: [UInt8]) {
        begin(field, length: content.count)
        bytes += content
    }

    /// Adds the key and length of a field of bytes; the caller writes the content itself, directly
    /// after this message.
    ///
    /// - Parameters:
    ///   - field: the field's number.
    ///   - length: number of bytes that follow.
    public mutating func begin(_ field: Int, length: Int) {
        addKey(field, wireType: 2)
        addVarint(UInt64(length))
    }

    private mutating func addKey(_ field: Int, wireType: Int) {
        addVarint(UInt64(field << 3 | wireType))
    }

    private mutating func addVarint(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
