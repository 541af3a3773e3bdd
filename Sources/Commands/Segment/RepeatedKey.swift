import Foundation

/// The first key that an object of a JSON text has twice; nil when there is none.
///
/// Foundation keeps one of the two in silence, and others keep the other.
///
/// - Parameter json: a text that a JSON reader has accepted.
/// - Returns: the key as it is written.
func repeatedKey(in json: Data) -> String? {
    /// The keys of each object that is open, nil for an array.
    var open: [Set<String>?] = []
    var index = json.startIndex
    while index < json.endIndex {
        switch json[index] {
        case UInt8(ascii: "{"): open.append([])
        case UInt8(ascii: "["): open.append(nil)
        case UInt8(ascii: "}"), UInt8(ascii: "]"): open.removeLast()
        case UInt8(ascii: "\""):
            let start = index + 1
            index = endOfString(json, from: start)
            let next = json[(index + 1)...].first { !" \t\r\n".utf8.contains($0) }
            let text = String(decoding: json[start..<index], as: UTF8.self)
            if next == UInt8(ascii: ":"), open.last??.contains(text) == true { return text }
            if next == UInt8(ascii: ":") { open[open.count - 1]?.insert(text) }
        default: break
        }
        index += 1
    }
    return nil
}

/// The place of the quotation mark that ends a string.
private func endOfString(_ json: Data, from start: Data.Index) -> Data.Index {
    var index = start
    while json[index] != UInt8(ascii: "\"") {
        index += json[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return index
}
