import Foundation

/// Where the results of a run go, looked at as a whole before any work.
enum ResultPlan {
    /// Refuses a run in which a result would replace another result or an input.
    ///
    /// - Parameters:
    ///   - work: images, and the files of their results.
    ///   - inputs: every file that the run reads; one that does not exist is passed over.
    /// - Throws: ``InputError``.
    static func check(
        _ work: [(task: ImageTask, files: ResultFiles)], inputs: [String]
    ) throws(InputError) {
        let read = Set(inputs.compactMap(FileIdentity.init))
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
                if let identity = FileIdentity(file.path), read.contains(identity) {
                    throw .resultIsInput(file.relativePath)
                }
            }
        }
    }

    /// What the longest name of a result adds to that of the JSON.
    private static let longestEnding = ".object1000.candidate3.mask.png".utf8.count
}
