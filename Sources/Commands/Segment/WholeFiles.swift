import FileIO
import Foundation
import Imaging
import Segmentation

/// Files that appear together.
enum WholeFiles {
    /// Writes files in order.
    ///
    /// All are on the disk before the first takes the place of an older one: when it fails, older
    /// files are as they were.
    ///
    /// - Parameter contents: where each goes, and what makes it.
    /// - Throws: `FileError`, and what making a content throws.
    static func write(_ contents: [(URL, () throws -> [UInt8])]) throws {
        var files: [AtomicFile] = []
        for (url, content) in contents {
            let file = try AtomicFile(url.path)
            try file.append(content())
            try file.seal()
            files.append(file)
        }
        for file in files {
            try file.commit()
        }
    }
}

extension ModelDescription {
    /// What an image that it made says of its origin.
    var comment: String {
        "samus \(ProgramVersion.current), model \(name) (\(sha256)); \(ResearchNotice.text)"
    }
}
