import Torch

extension ProcessGroup {
    /// Waits until all processes are here, ten minutes at most.
    ///
    /// One may have more to do than the others, as writing files or reading slower
    /// disks. One that has ended is missed at once.
    ///
    /// - Throws: `ProcessGroupError` when another process has gone.
    public func meet() throws(ProcessGroupError) {
        try barrier(timeout: 600)
    }

    /// Makes sure that all processes hold the same text.
    ///
    /// - Parameters:
    ///   - text: this process's.
    ///   - about: what it is, in an error's words.
    /// - Throws: `ProcessGroupError/disagreement(rank:about:)`, or when another process has gone.
    public func expectEqual(_ text: String, _ about: String) throws(ProcessGroupError) {
        try meet()
        let all = try gather(bytes: Array(text.utf8), for: "the comparison of \(about)")
        guard all.allSatisfy({ $0 == all[rank] }) else {
            throw .disagreement(rank: rank, about: about)
        }
    }
}

extension RunFolder {
    /// The folder of several processes: the first makes or takes it, the others join it.
    ///
    /// - Parameters:
    ///   - group: the processes; nil for this one alone.
    ///   - first: makes or takes the folder, on the first process alone.
    /// - Returns: the folder, locked on the first process.
    /// - Throws: what `first` throws, ``RunFolderError/notShared(path:)`` where another process does not
    ///   see the folder, `ProcessGroupError` when another process has gone.
    public static func shared(
        by group: ProcessGroup?, _ first: () throws -> RunFolder
    ) throws -> RunFolder {
        guard let group else { return try first() }
        try group.meet()
        let own = group.rank == 0 ? try first() : nil
        let paths = try group.gather(
            bytes: Array((own?.path ?? "").utf8), for: "the naming of the run's folder")
        return try own ?? joining(String(decoding: paths[0], as: UTF8.self))
    }
}
