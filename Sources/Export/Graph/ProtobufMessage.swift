/// A message in the wire format of Protocol Buffers, as far as ONNX needs it.
struct ProtobufMessage {
    private(set) var bytes: [UInt8]

    init(bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    mutating func add(_ field: Int, _ number: Int) {
        key(field, wire: 0)
        varint(UInt64(bitPattern: Int64(number)))
    }

    mutating func add(_ field: Int, _ number: Float) {
        key(field, wire: 5)
        withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes += $0 }
    }

    mutating func add(_ field: Int, _ text: String) {
        add(field, bytes: Array(text.utf8))
    }

    mutating func add(_ field: Int, _ message: ProtobufMessage) {
        add(field, bytes: message.bytes)
    }

    mutating func add(_ field: Int, bytes content: [UInt8]) {
        begin(field, length: content.count)
        bytes += content
    }

    /// Begins a field whose content of so many bytes follows elsewhere.
    mutating func begin(_ field: Int, length: Int) {
        key(field, wire: 2)
        varint(UInt64(length))
    }

    private mutating func key(_ field: Int, wire: Int) {
        varint(UInt64(field << 3 | wire))
    }

    private mutating func varint(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
