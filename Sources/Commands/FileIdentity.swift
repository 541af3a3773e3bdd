import Foundation

/// One file on the disk, whatever path leads to it.
struct FileIdentity: Hashable {
    private let device: UInt64
    private let inode: UInt64

    /// The file at a path, links followed; nil when there is none.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
    }
}
