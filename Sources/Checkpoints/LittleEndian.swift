extension [UInt8] {
    /// The little-endian integer at `offset`; the caller has checked that it lies inside.
    func integer<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value {
        var value: Value = 0
        for index in 0..<(Value.bitWidth / 8) {
            value |= Value(truncatingIfNeeded: self[offset + index]) << (8 * index)
        }
        return value
    }

    /// The text that these bytes are in UTF-8, or nil when they are not.
    var validUTF8: String? {
        let text = String(decoding: self, as: UTF8.self)
        // Decoding repairs what is invalid, which changes the bytes.
        return text.utf8.elementsEqual(self) ? text : nil
    }
}
