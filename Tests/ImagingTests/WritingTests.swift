import Foundation
import Imaging
import Testing

@Suite("PNG files are written atomically")
struct WritingTests {
    private let image = Image(
        width: 7, height: 5, channels: 3, pixels: (0..<105).map { UInt8($0 * 2) })

    @Test("an image is read as it was written, with a comment", arguments: [1, 3])
    func roundTrip(channels: Int) throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "a.png").path
            let written = channels == 1 ? image.grey() : image
            try written.write(to: path, comment: "words \u{e9} \u{4e2d}")
            #expect(try Image.read(path) == written)
            let bytes = try Array(Data(contentsOf: URL(filePath: path)))
            let text = Array("tEXtComment\0words ".utf8) + [0xE9] + Array(" ?".utf8)
            #expect(bytes.indices.contains { bytes[$0...].starts(with: text) })
            #expect(try bytes == written.encodedPNG(comment: "words \u{e9} \u{4e2d}"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.png"])
        }
    }

    @Test("an older file is replaced")
    func replaces() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "a.png").path
            try image.grey().write(to: path)
            try image.write(to: path)
            #expect(try Image.read(path) == image)
        }
    }

    @Test("a missing parent folder, or a folder in the file's place, is refused")
    func refused() throws {
        try withTemporaryFolder { folder in
            let missing = folder.appending(path: "none/a.png").path
            #expect(
                throws: ImageError.cannotWrite(name: missing, reason: "No such file or directory")
            ) { try image.write(to: missing) }
            let taken = folder.appending(path: "taken").path
            try FileManager.default.createDirectory(
                atPath: taken, withIntermediateDirectories: false)
            #expect(throws: ImageError.self) { try image.write(to: taken) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["taken"])
        }
    }

    @Test("no temporary file is left if the file cannot be renamed")
    func failedRename() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "a.png").path
            try image.write(to: path)
            let name = String(repeating: "n", count: 300)
            #expect(throws: ImageError.self) {
                try image.write(to: folder.appending(path: name).path)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.png"])
        }
    }
}
