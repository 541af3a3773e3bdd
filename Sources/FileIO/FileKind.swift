import Foundation

/// What is at a path; links are not followed.
public enum FileKind: Equatable, Sendable {
    case file, folder, link
    /// A device, pipe or socket.
    case other

    /// - Parameter path: any path; the result is nil where nothing is there.
    public init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: self = .file
        case S_IFDIR: self = .folder
        case S_IFLNK: self = .link
        default: self = .other
        }
    }
}

/// A file on the disk, whichever path leads to it.
public struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64

    /// - Parameter path: any path; links are followed. The result is nil where no file is.
    public init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
    }
}
