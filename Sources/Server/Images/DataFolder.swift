import DICOM
import FileIO
import Foundation
import Synchronization

/// The folder that the server offers: its images are found by a search and known by their ids.
///
/// A client can name only ids that the search has given: no path of a request is ever opened. Links
/// are not followed.
final class DataFolder: ImageSource {
    private static let passedOver: Set<String> = [
        "label", "MainPatient", "samus-results", AnnotationStore.dataset,
    ]

    /// Number of files that are listed.
    static let maximumFiles = 100_000

    let root: String
    private let known: Mutex<[String: SourceFile]>
    /// The last search, for large folders.
    private let last = Mutex<(files: [SourceFile], validUntil: ContinuousClock.Instant)?>(nil)

    /// Searches a folder.
    ///
    /// - Throws: ``ServerConfigurationError/dataFolder(_:reason:)``.
    init(_ root: String) throws(ServerConfigurationError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: root, isDirectory: &isFolder) else {
            throw .dataFolder(root, reason: "it does not exist")
        }
        guard isFolder.boolValue else { throw .dataFolder(root, reason: "it is not a folder") }
        self.root = root
        known = Mutex([:])
        _ = files()
    }

    /// Searches the folder again; a search that took long counts for a while.
    ///
    /// - Returns: its images, by name.
    func files() -> [SourceFile] {
        let start = ContinuousClock.now
        if let last = last.withLock({ $0 }), start < last.validUntil { return last.files }
        var found: [SourceFile] = []
        search("", &found)
        let end = ContinuousClock.now
        // One that is fast is always made again.
        if end - start > Duration.milliseconds(200) {
            last.withLock { [found] in $0 = (found, end + (end - start) * 10) }
        }
        known.withLock { $0 = Dictionary(found.map { ($0.id, $0) }) { first, _ in first } }
        return found
    }

    /// The file of an id.
    func file(id: String) -> SourceFile? { known.withLock { $0[id] } }

    /// Does nothing: the files are here.
    func fetch(_ file: SourceFile) {}

    private func search(_ relative: String, _ found: inout [SourceFile]) {
        let folder = relative.isEmpty ? root : "\(root)/\(relative)"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names.sorted() where !name.hasPrefix(".") {
            guard found.count < Self.maximumFiles else { return }
            let inner = relative.isEmpty ? name : "\(relative)/\(name)"
            let path = "\(root)/\(inner)"
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            // Labels and lists of the US30K layout, and accepted masks, are not images.
            case S_IFDIR:
                if !Self.passedOver.contains(name) { search(inner, &found) }
            case S_IFREG where Self.isImage(path):
                let id = String(SHA256.hexDigest(of: Array(inner.utf8)).prefix(24))
                found.append(SourceFile(id: id, name: inner, path: path))
            default: continue
            }
        }
    }

    private static func isImage(_ path: String) -> Bool {
        let name = path.lowercased()
        if ResultName.isResult(name) { return false }
        return [".png", ".jpg", ".jpeg", ".nii", ".nii.gz"].contains(where: name.hasSuffix)
            || !name.hasSuffix("dicomdir") && DICOMFile.isDICOM(path)
    }
}
