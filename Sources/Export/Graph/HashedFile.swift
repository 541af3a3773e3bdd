import Checkpoints
import Files

/// A file that is written, with its size and hash as it grows.
struct HashedFile {
    let file: AtomicFile
    private(set) var bytes = 0
    private(set) var hash = ContentHash()

    init(file: AtomicFile) {
        self.file = file
    }

    mutating func append(_ piece: [UInt8]) throws(FileError) {
        try file.append(piece)
        bytes += piece.count
        hash.add(piece)
    }

    mutating func append(_ piece: UnsafeRawBufferPointer) throws(FileError) {
        try file.append(piece)
        bytes += piece.count
        hash.add(piece)
    }
}
