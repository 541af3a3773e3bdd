import Foundation
import Imaging

/// Made-up DICOM files, and the pixels that pydicom decodes; see Tools/fixtures/dicom.py.
enum Fixtures {
    static let package = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let folder = package.appending(path: "Tests/Fixtures/dicom")

    static func path(_ name: String) -> String { folder.appending(path: name).path }

    static func bytes(_ name: String) throws -> [UInt8] {
        try Array(Data(contentsOf: folder.appending(path: name)))
    }

    /// All images but those of the study.
    static let names: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { $0.hasSuffix(".dcm") || $0 == "no-preamble" }.sorted()

    /// The frames that pydicom decodes, one below the other.
    static func expected(_ name: String) throws -> Image {
        try Image.read(path(name.replacing(".dcm", with: "") + ".png"))
    }
}

/// A file that is removed when the test ends.
final class TemporaryFile {
    let path = FileManager.default.temporaryDirectory
        .appending(path: "samus-dicom-\(UUID())").path

    init(_ bytes: some Sequence<UInt8> = []) throws {
        try write(bytes)
    }

    func write(_ bytes: some Sequence<UInt8>) throws {
        try Data(bytes).write(to: URL(filePath: path))
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
