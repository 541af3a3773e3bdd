import FileIO
import Foundation
import Segmentation

/// Where the results of a job go, and what is checked before any work.
///
/// All checks go through the images one by one: memory must not grow with every result of a million
/// images.
struct ResultLayout {
    let job: SegmentJob
    /// Masks for each object.
    let candidates: Int
    /// Every file that the run reads, the model included.
    private let inputs: Set<FileIdentity>

    /// - Parameters:
    ///   - job: the job.
    ///   - modelPath: the model's file or folder.
    ///   - candidates: masks for each object.
    init(job: SegmentJob, modelPath: String, candidates: Int) {
        self.job = job
        self.candidates = candidates
        var inputs = Set([modelPath].compactMap(FileIdentity.init))
        job.forEachInput { path in
            if let identity = FileIdentity(path) { inputs.insert(identity) }
        }
        self.inputs = inputs
    }

    /// The output folder.
    var folder: OutputFolder { OutputFolder(job.outputFolder) }

    /// The file of the summary; with `--shard`, each part has its own.
    var summary: URL {
        let part = job.shard.map { "-\($0.number)-of-\($0.count)" } ?? ""
        return folder.file("summary\(part).csv")
    }

    /// The files of one image's results.
    ///
    /// - Parameters:
    ///   - image: the image.
    ///   - objects: how many objects have a mask.
    /// - Returns: their names.
    func files(of image: InputImage, objects: Int) -> ResultFiles {
        ResultFiles(
            imagePath: image.path, folder: folder.url, name: image.name,
            dicomName: job.dicomNames.name(of: image), formats: job.formats, objects: objects,
            candidates: candidates)
    }

    /// What to report about an image whose results are those of an earlier run.
    ///
    /// With `--everything` the number of masks is not known; the file that is written last tells.
    ///
    /// - Parameters:
    ///   - image: the image.
    ///   - model: the model of this run.
    /// - Returns: nil if the image has to be segmented, because results are missing or damaged.
    /// - Throws: ``ExitError`` for a result of another model.
    func skipped(
        _ image: InputImage, _ model: ModelDescription
    ) throws(ExitError) -> ImageOutcome? {
        let files = files(of: image, objects: image.objects.count)
        guard (files.all + files.dicom).allSatisfy(\.exists) else { return nil }
        guard job.formats.contains(.json) else { return ImageOutcome(skipped: image, masks: nil) }
        guard let earlier = try? EarlierResult.read(files.json.path) else { return nil }
        try earlier.check(files.json.relativePath, isOf: model)
        return ImageOutcome(skipped: image, masks: earlier.entries)
    }

    /// Finds images whose results cannot be written or would replace each other, and refuses a run
    /// that would replace an input or a result that exists.
    ///
    /// - Returns: the problems by the names of results; the other images can be segmented.
    /// - Throws: ``ExitError`` where a result exists or would replace an input, and where no image is
    ///   left.
    func checkBeforeWork() throws -> [String: InputError] {
        try withExitStatus(.output) {
            for folder in subfolders { try FileTransaction.recover(in: folder.path) }
        }
        if job.writesSummary, let identity = FileIdentity(summary.path), inputs.contains(identity) {
            throw ExitError(.input, "\(InputError.resultIsInput(summary.relativePath))")
        }
        let problems = try problems()
        if job.existing == .refused {
            var existing = ExistingFiles()
            for image in job.images where problems[image.name] == nil {
                let files = files(of: image, objects: image.objects.count)
                (files.all + files.dicom).forEach { existing.look(at: $0) }
            }
            if job.writesSummary { existing.look(at: summary) }
            try folder.check(existing, force: false)
        }
        return problems
    }

    /// Finds names that are too long or not UTF-8, and results of the same name.
    ///
    /// - Throws: ``ExitError`` for a result that would replace an input, which was not meant, and
    ///   where every image has a problem.
    private func problems() throws(ExitError) -> [String: InputError] {
        var problems: [String: InputError] = [:]
        // Each file is remembered by the hash of its path and the place of its image, which takes a
        // tenth of the memory of paths. A second file of the same hash is compared by name.
        var owners: [Int: Int32] = [:]
        owners.reserveCapacity(job.allImages.count * job.formats.count)
        for (place, image) in job.allImages.enumerated() {
            let files = files(of: image, objects: image.objects.count)
            if let clash = job.dicomNames.clash(of: image) {
                problems[image.name] = .sameResults(first: clash.first, second: clash.second)
            }
            for file in files.all {
                let key = Self.key(of: file)
                guard let owner = owners.updateValue(Int32(place), forKey: key.hashValue) else {
                    continue
                }
                let other = job.allImages[Int(owner)]
                let others = self.files(of: other, objects: other.objects.count).all
                if others.contains(where: { Self.key(of: $0) == key }) {
                    let error = InputError.sameResults(first: other.path, second: image.path)
                    problems[other.name] = problems[other.name] ?? error
                    problems[image.name] = error
                }
            }
            do throws(InputError) {
                try check(files)
                if files.dicomName != nil, ImageFileKind(image.path) != .dicom {
                    throw .notDICOM(image.path)
                }
            } catch {
                if case .resultIsInput = error { throw ExitError(.input, "\(error)") }
                problems[image.name] = error
            }
        }
        let images = job.images
        if let first = images.lazy.compactMap({ problems[$0.name] }).first,
            images.allSatisfy({ problems[$0.name] != nil })
        {
            throw ExitError(.input, "\(first)")
        }
        return problems
    }

    /// Some file systems do not distinguish upper and lower case.
    private static func key(of file: URL) -> String {
        file.standardizedFileURL.path.lowercased()
    }

    /// Refuses names that are too long or not UTF-8, and results that would replace an input.
    ///
    /// - Throws: ``InputError``.
    func check(_ files: ResultFiles) throws(InputError) {
        // All names are checked, because the next run may write other formats.
        guard files.isShortEnough else { throw .nameTooLong(files.imagePath) }
        if files.imagePath.contains("\u{FFFD}"), FileIdentity(files.imagePath) == nil {
            throw .nameNotUTF8(files.imagePath)
        }
        for file in files.all + files.dicom {
            if let identity = FileIdentity(file.path), inputs.contains(identity) {
                throw .resultIsInput(file.relativePath)
            }
        }
    }

    /// The folders of the results.
    private var subfolders: [URL] {
        var subfolders: Set<String> = []
        for image in job.images {
            // NSString.deletingLastPathComponent crashes on names of one character on Linux.
            let end = image.name.lastIndex(of: "/") ?? image.name.startIndex
            subfolders.insert(String(image.name[..<end]))
        }
        return subfolders.sorted().map { folder.file($0) }
    }

    /// Makes the folders of the results.
    ///
    /// - Throws: ``ExitError``.
    func makeFolders() throws(ExitError) {
        try folder.make(subfolders: subfolders)
    }
}

/// Results of former runs that are in the way: how many, and the first.
struct ExistingFiles {
    private(set) var count = 0
    private(set) var first: URL?

    /// Counts a file if it exists.
    mutating func look(at file: URL) {
        guard file.exists else { return }
        count += 1
        first = first ?? file
    }
}

extension URL {
    /// Whether there is such a file; a link to nothing exists, too.
    var exists: Bool { FileKind(path) != nil }
}
