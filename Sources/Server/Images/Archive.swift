import DICOMWeb
import FileIO
import Foundation
import Synchronization

/// A DICOMweb server as the source of images: its ultrasound objects are listed (QIDO-RS), fetched when
/// they are opened (WADO-RS), and DICOM SEG are stored in it (STOW-RS).
final class Archive: ImageSource {
    private struct Instance {
        let file: SourceFile
        let study: String
        let series: String
        let uid: String
    }

    private struct State {
        var instances: [String: Instance] = [:]
        var files: [SourceFile] = []
        var validUntil = ContinuousClock.now
        /// The fetched files: their sizes, and when they were used last.
        var fetched: [String: (bytes: Int, used: Int)] = [:]
        var clock = 0
    }

    /// Number of objects that are listed.
    static let maximumFiles = 10_000
    /// How long a list counts, in seconds.
    private static let listSeconds = 20

    // One request at a time: the client sends them one after the other.
    private let client: Mutex<DICOMWebClient>
    private let state = Mutex(State())
    private let folder: TemporaryFolder
    private let limit: Int

    /// Prepares the connection.
    ///
    /// - Parameters:
    ///   - address: the root of the DICOMweb service.
    ///   - allowsPlainHTTP: whether `http` is accepted for other machines than this one.
    ///   - largestFile: the largest file that is fetched, in bytes.
    ///   - limit: the size of all fetched files that are kept on disk, in bytes.
    /// - Throws: ``ServerConfigurationError/archive(reason:)``.
    init(
        _ address: String, allowsPlainHTTP: Bool, largestFile: Int, limit: Int
    ) throws(ServerConfigurationError) {
        do {
            client = Mutex(
                try DICOMWebClient(
                    address, credentials: .init(environment: ProcessInfo.processInfo.environment),
                    allowsPlainHTTP: allowsPlainHTTP, largestFile: largestFile))
            folder = try TemporaryFolder()
            self.limit = limit
        } catch {
            throw .archive(reason: "\(error)")
        }
    }

    /// Asks the server once, so that a wrong address is known at the start.
    ///
    /// - Throws: ``ServerConfigurationError/archive(reason:)``.
    func check() throws(ServerConfigurationError) {
        do {
            _ = try client.withLock { client in
                try client.query("series", filters: [("Modality", "US")], limit: 1)
            }
        } catch {
            throw .archive(reason: "\(error)")
        }
    }

    func files() throws -> [SourceFile] {
        let known = state.withLock { state in
            ContinuousClock.now < state.validUntil ? state.files : nil
        }
        if let known { return known }
        let found = try ask { client in
            try client.query(
                "instances",
                filters: [("Modality", "US")]
                    + ["00080020", "00080060", "0008103E", "00200011", "00200013"].map {
                        ("includefield", $0)
                    },
                limit: Self.maximumFiles)
        }
        var instances: [Instance] = []
        // A server need not know this filter for objects.
        for object in found where ["US", nil].contains(object.text("00080060")) {
            guard let study = object.uid("0020000D"), let series = object.uid("0020000E"),
                let uid = object.uid("00080018")
            else { continue }
            let id = String(SHA256.hexDigest(of: Array(uid.utf8)).prefix(24))
            let number = object.number("00200013").map { "\($0)" } ?? "?"
            let name = [
                object.text("00080020") ?? "no date", object.text("0008103E") ?? "ultrasound",
                "series \(object.number("00200011").map { "\($0)" } ?? "?")", "image \(number)",
                String(id.prefix(4)),
            ].joined(separator: ", ")
            instances.append(
                Instance(
                    file: SourceFile(
                        id: id, name: name.visibleLine, path: "\(folder.path)/\(id)"),
                    study: study, series: series, uid: uid))
        }
        instances.sort { $0.file.name.localizedStandardCompare($1.file.name) == .orderedAscending }
        return state.withLock { state in
            state.files = instances.map(\.file)
            state.instances = Dictionary(instances.map { ($0.file.id, $0) }) { first, _ in first }
            state.validUntil = ContinuousClock.now + .seconds(Self.listSeconds)
            return state.files
        }
    }

    /// Finds an image by its id, by the UID of the object, or by that of a series with one object, as
    /// OHIF names images.
    func file(id: String) -> SourceFile? {
        if let found = state.withLock({ $0.instances[id] }) { return found.file }
        // A client may know it from before this server was started.
        let isID = id.wholeMatch(of: #/[0-9a-f]{24}/#) != nil
        guard id.isDICOMUID || isID, (try? files()) != nil else { return nil }
        let found = state.withLock { state in
            state.instances.values.filter { [$0.file.id, $0.uid, $0.series].contains(id) }
        }
        return found.count == 1 ? found[0].file : nil
    }

    func fetch(_ file: SourceFile) throws {
        let instance = state.withLock { state -> Instance? in
            state.clock += 1
            guard state.fetched[file.id] == nil else {
                state.fetched[file.id]?.used = state.clock
                return nil
            }
            return state.instances[file.id]
        }
        guard let instance else { return }
        let bytes = try ask { client in
            try client.fetch(
                study: instance.study, series: instance.series, instance: instance.uid)
        }
        try AtomicFile.write(bytes, to: file.path)
        let removed = state.withLock { state -> [String] in
            state.clock += 1
            state.fetched[file.id] = (bytes.count, state.clock)
            var removed: [String] = []
            while state.fetched.count > 1,
                state.fetched.values.reduce(0, { $0 + $1.bytes }) > limit,
                let oldest = state.fetched.min(by: { $0.value.used < $1.value.used })
            {
                state.fetched[oldest.key] = nil
                removed.append(oldest.key)
            }
            return removed
        }
        for id in removed { unlink("\(folder.path)/\(id)") }
    }

    /// Stores a DICOM file; one that is there is not sent again.
    ///
    /// - Parameters:
    ///   - file: its content.
    ///   - instance: its SOP Instance UID.
    /// - Returns: false where the archive had it.
    /// - Throws: ``RequestError``.
    func store(_ file: [UInt8], instance: String) throws -> Bool {
        try ask { client in
            if try client.has(instance) { return false }
            try client.store(file, instance: instance)
            return true
        }
    }

    /// Removes the fetched files; for the end of the program, which destroys no objects.
    func close() {
        folder.remove()
    }

    private func ask<Result: Sendable>(
        _ body: (DICOMWebClient) throws -> Result
    ) throws -> Result {
        do {
            return try client.withLock { client in try body(client) }
        } catch DICOMWebError.tooLarge(let limit) {
            throw RequestError(
                .contentTooLarge,
                "the file in the archive has more than \(limit >> 20) MB (--max-request)")
        } catch let error as DICOMWebError {
            throw RequestError(.badGateway, "the archive: \(error.description)")
        }
    }
}
