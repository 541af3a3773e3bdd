/// The parts of a `multipart/form-data` body.
///
/// Parts may come without a Content-Type, header names may have any case, file names may be whole
/// paths, and text may follow the last boundary: clients send all of these.
struct MultipartForm {
    struct Part: Equatable {
        let name: String
        /// The file's name without folders; nil for a part that is not a file.
        let filename: String?
        let content: ArraySlice<UInt8>

        var text: String? { String(validating: content, as: UTF8.self) }
    }

    /// Number of parts that are read.
    static let maximumParts = 1024

    let parts: [Part]

    /// Parses a body.
    ///
    /// - Parameters:
    ///   - body: the bytes.
    ///   - contentType: the request's header, which names the boundary.
    /// - Throws: ``RequestError``.
    init(_ body: [UInt8], contentType: String) throws(RequestError) {
        guard let boundary = Self.parameter("boundary", in: contentType),
            (1...70).contains(boundary.utf8.count)
        else {
            throw .badRequest("the Content-Type names no boundary of 1 to 70 characters")
        }
        let delimiter = Array("--\(boundary)".utf8)
        guard var position = Self.delimiter(delimiter, in: body, from: 0, isFirst: true) else {
            throw .badRequest("the multipart body does not contain its boundary")
        }
        var parts: [Part] = []
        while true {
            position += delimiter.count
            if body[position...].starts(with: [0x2D, 0x2D]) { break }
            guard let start = Self.endOfLine(body, from: position) else {
                throw .badRequest("the multipart body ends after a boundary")
            }
            guard let next = Self.delimiter(delimiter, in: body, from: start, isFirst: false) else {
                throw .badRequest("the multipart body ends before its closing boundary")
            }
            guard parts.count < Self.maximumParts else {
                throw .badRequest("the multipart body has more than \(Self.maximumParts) parts")
            }
            // The line break before a boundary belongs to the boundary.
            var end = next - 1
            if end > start, body[end - 1] == 0x0D { end -= 1 }
            parts.append(try Self.part(body[start..<max(start, end)]))
            position = next
        }
        self.parts = parts
    }

    /// The first part of a name.
    subscript(name: String) -> Part? { parts.first { $0.name == name } }

    /// The texts of all parts of a name, in order.
    func texts(_ name: String) throws(RequestError) -> [String] {
        var texts: [String] = []
        for part in parts where part.name == name {
            guard let text = part.text else { throw .badRequest("the part '\(name)' is not UTF-8") }
            texts.append(text)
        }
        return texts
    }

    private static func part(_ bytes: ArraySlice<UInt8>) throws(RequestError) -> Part {
        var headers: [String: String] = [:]
        var position = bytes.startIndex
        while true {
            guard let next = endOfLine(bytes, from: position), next - bytes.startIndex <= 16_384
            else {
                throw .badRequest("a part of the multipart body has no empty line after its header")
            }
            var line = bytes[position..<next - 1]
            if line.last == 0x0D { line = line.dropLast() }
            position = next
            if line.isEmpty { break }
            let text = String(decoding: line, as: UTF8.self)
            guard let colon = text.firstIndex(of: ":") else {
                throw .badRequest("a header line of a part has no colon")
            }
            headers[text[..<colon].lowercased()] = String(text[text.index(after: colon)...])
        }
        guard let disposition = headers["content-disposition"],
            let name = parameter("name", in: disposition)
        else {
            throw .badRequest("a part of the multipart body has no name")
        }
        let filename = parameter("filename", in: disposition).map { path in
            path.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
        }
        return Part(name: name, filename: filename, content: bytes[position...])
    }

    /// A parameter of a header: `boundary=…`, `name="…"`.
    static func parameter(_ name: String, in header: String) -> String? {
        var rest = Array(header.utf8)[...]
        guard let semicolon = rest.firstIndex(of: UInt8(ascii: ";")) else { return nil }
        rest = rest[semicolon...]
        while rest.first == UInt8(ascii: ";") {
            rest = rest.dropFirst().drop { $0 == 0x20 || $0 == 0x09 }
            let key = rest.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ";") }
            rest = rest[key.endIndex...]
            guard rest.first == UInt8(ascii: "=") else { continue }
            rest = rest.dropFirst()
            var value: [UInt8] = []
            if rest.first == UInt8(ascii: "\"") {
                rest = rest.dropFirst()
                while let byte = rest.first, byte != UInt8(ascii: "\"") {
                    // A backslash is kept before other characters: it separates folders on Windows.
                    let next = rest.dropFirst().first
                    if byte == UInt8(ascii: "\\"), next == UInt8(ascii: "\"") {
                        rest = rest.dropFirst()
                    }
                    value.append(rest.removeFirst())
                }
                rest = rest.dropFirst()
            } else {
                let plain = rest.prefix { $0 != UInt8(ascii: ";") }
                value = Array(plain)
                while value.last == 0x20 || value.last == 0x09 { value.removeLast() }
                rest = rest[plain.endIndex...]
            }
            let word = String(decoding: key, as: UTF8.self).lowercased()
            if word.trimmingSuffixSpaces == name { return String(decoding: value, as: UTF8.self) }
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
        }
        return nil
    }

    /// The place after the next line break.
    private static func endOfLine(_ bytes: some Collection<UInt8>, from start: Int) -> Int?
    where Self: Any {
        guard let slice = bytes as? ArraySlice<UInt8> ?? (bytes as? [UInt8]).map({ $0[...] }),
            start <= slice.endIndex, let line = slice[start...].firstIndex(of: 0x0A)
        else { return nil }
        return line + 1
    }

    /// The place of the next boundary that begins a line.
    private static func delimiter(
        _ delimiter: [UInt8], in body: [UInt8], from start: Int, isFirst: Bool
    ) -> Int? {
        body.withUnsafeBufferPointer { body in
            var index = start
            while index + delimiter.count <= body.count {
                let beginsLine = index == 0 ? isFirst : body[index - 1] == 0x0A
                if beginsLine {
                    var length = 0
                    while length < delimiter.count, body[index + length] == delimiter[length] {
                        length += 1
                    }
                    if length == delimiter.count { return index }
                }
                // The next line.
                while index < body.count, body[index] != 0x0A { index += 1 }
                index += 1
            }
            return nil
        }
    }
}

extension String {
    fileprivate var trimmingSuffixSpaces: String {
        var text = self
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
