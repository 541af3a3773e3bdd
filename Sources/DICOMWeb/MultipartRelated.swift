import Foundation

/// A body of the type `multipart/related`, in which DICOMweb sends and receives files.
public struct MultipartRelated: Sendable {
    /// The contents of the parts, without their headers.
    public let parts: [ArraySlice<UInt8>]

    /// The largest number of parts that are read.
    public static let mostParts = 1024
    private static let longestHeader = 16 << 10

    /// Parses a body.
    ///
    /// - Parameters:
    ///   - body: the bytes.
    ///   - contentType: the header, which names the boundary.
    /// - Throws: ``DICOMWebError/badAnswer(_:)``.
    public init(_ body: [UInt8], contentType: String) throws(DICOMWebError) {
        guard contentType.lowercased().hasPrefix("multipart/related"),
            let boundary = Self.boundary(in: contentType)
        else {
            throw .badAnswer("the answer is '\(contentType.prefix(80))', not multipart/related")
        }
        let delimiter = Array("--\(boundary)".utf8)
        guard var place = Self.find(delimiter, in: body, from: 0) else {
            throw .badAnswer("the answer does not contain its boundary")
        }
        var parts: [ArraySlice<UInt8>] = []
        while true {
            place += delimiter.count
            if body[place...].starts(with: [0x2D, 0x2D]) { break }
            guard let start = Self.endOfHeader(body, from: place) else {
                throw .badAnswer("a part of the answer has no empty line after its header")
            }
            guard let next = Self.find(delimiter, in: body, from: start) else {
                throw .badAnswer("the answer ends before its closing boundary")
            }
            guard parts.count < Self.mostParts else {
                throw .badAnswer("the answer has more than \(Self.mostParts) parts")
            }
            // The line break before a boundary belongs to the boundary.
            var end = next
            if end > start, body[end - 1] == 0x0A { end -= 1 }
            if end > start, body[end - 1] == 0x0D { end -= 1 }
            parts.append(body[start..<end])
            place = next
        }
        self.parts = parts
    }

    /// Makes a body.
    ///
    /// - Parameters:
    ///   - files: the contents of the parts.
    ///   - type: of each part, for example `application/dicom`.
    ///   - boundary: up to 70 letters and digits that no file contains.
    /// - Returns: the body.
    public static func body(
        of files: [[UInt8]], type: String, boundary: String
    ) -> [UInt8] {
        var body: [UInt8] = []
        body.reserveCapacity(files.reduce(200) { $0 + $1.count + 200 })
        for file in files {
            body += Array("--\(boundary)\r\nContent-Type: \(type)\r\n\r\n".utf8)
            body += file
            body += [0x0D, 0x0A]
        }
        body += Array("--\(boundary)--\r\n".utf8)
        return body
    }

    /// The parameter `boundary` of a header: 1 to 70 characters, with or without quotes.
    private static func boundary(in header: String) -> String? {
        for parameter in header.split(separator: ";").dropFirst() {
            let pair = parameter.split(separator: "=", maxSplits: 1)
            guard pair.count == 2,
                pair[0].lowercased().filter({ !$0.isWhitespace }) == "boundary"
            else { continue }
            let value = pair[1].filter { !$0.isWhitespace && $0 != "\"" }
            return (1...70).contains(value.utf8.count) ? value : nil
        }
        return nil
    }

    /// The place after the empty line.
    private static func endOfHeader(_ body: [UInt8], from start: Int) -> Int? {
        let limit = min(body.count, start + longestHeader)
        var index = start
        while index + 1 < limit {
            if body[index] == 0x0A {
                if body[index + 1] == 0x0A { return index + 2 }
                if index + 2 < limit, body[index + 1] == 0x0D, body[index + 2] == 0x0A {
                    return index + 3
                }
            }
            index += 1
        }
        return nil
    }

    /// The next boundary at the beginning of a line.
    private static func find(_ delimiter: [UInt8], in body: [UInt8], from start: Int) -> Int? {
        body.withUnsafeBufferPointer { body in
            var index = start
            while index + delimiter.count <= body.count {
                // Only where the first byte fits: files are large.
                if body[index] == delimiter[0], index == 0 || body[index - 1] == 0x0A {
                    var length = 1
                    while length < delimiter.count, body[index + length] == delimiter[length] {
                        length += 1
                    }
                    if length == delimiter.count { return index }
                }
                index += 1
            }
            return nil
        }
    }
}
