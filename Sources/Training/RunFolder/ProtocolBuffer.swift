/// The few forms of the protocol buffers encoding that TensorBoard's events need.
///
/// https://protobuf.dev/programming-guides/encoding/
struct ProtocolBuffer {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ field: Int, _ value: Double) {
        tag(field, 1)
        append(value.bitPattern)
    }

    mutating func add(_ field: Int, _ value: Float) {
        tag(field, 5)
        append(value.bitPattern)
    }

    /// A whole number; 0 is what a missing one means, so it is left out.
    mutating func add(_ field: Int, _ value: Int) {
        guard value != 0 else { return }
        tag(field, 0)
        variable(UInt64(bitPattern: Int64(value)))
    }

    mutating func add(_ field: Int, _ value: String) {
        add(field, Array(value.utf8))
    }

    mutating func add(_ field: Int, _ message: ProtocolBuffer) {
        add(field, message.bytes)
    }

    mutating func add(_ field: Int, _ value: [UInt8]) {
        tag(field, 2)
        variable(UInt64(value.count))
        bytes += value
    }

    private mutating func tag(_ field: Int, _ wireType: Int) {
        variable(UInt64(field << 3 | wireType))
    }

    private mutating func variable(_ value: UInt64) {
        var rest = value
        while rest > 127 {
            bytes.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
}
