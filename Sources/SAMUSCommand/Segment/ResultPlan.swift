import Foundation

/// Where the results of a run go, looked at as a whole before any work.
enum ResultPlan {
    /// Refuses a run in which a result would replace another result or an input.
    ///
    /// - Parameters:
    ///   - work: pictures, and the files of their results.
    ///   - inputs: every file that the run reads; one that does not exist is passed over.
    /// - Throws: ``InputError``.
    static func check(
        _ work: [(task: PictureTask, files: ResultFiles)], inputs: [String]
    ) throws(InputError) {
        let read = Set(inputs.compactMap(Identity.init))
        var owners: [String: String] = [:]
        for (task, files) in work {
            // Also where a format is not asked for now: the next run may ask for it.
            guard files.json.lastPathComponent.utf8.count <= 255 - longestEnding else {
                throw .nameTooLong(task.path)
            }
            for file in files.all {
                // Some file systems do not tell A from a.
                let name = file.standardizedFileURL.path.lowercased()
                if let first = owners.updateValue(task.path, forKey: name) {
                    throw .sameResults(first: first, second: task.path)
                }
                if let identity = Identity(file.path), read.contains(identity) {
                    throw .resultIsInput(file.relativePath)
                }
            }
        }
    }

    /// What the longest name of a result adds to that of the JSON.
    private static let longestEnding = ".object1000.candidate3.mask.png".utf8.count

    /// One file on the disk, whatever path leads to it.
    private struct Identity: Hashable {
        let device: UInt64
        let inode: UInt64

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            device = UInt64(truncatingIfNeeded: status.st_dev)
            inode = UInt64(truncatingIfNeeded: status.st_ino)
        }
    }
}
