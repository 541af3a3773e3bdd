import ArgumentParser
import Commands
import DICOM
import DICOMWeb
import FileIO
import Foundation

/// `samus pacs fetch`.
struct FetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Fetch the images of series.",
        discussion: """
            Files are written to OUTPUT/images/SOP-INSTANCE-UID.dcm, in the transfer syntax in \
            which the server has them. A file that is there is not fetched again, so that an \
            interrupted run continues. The files contain patients' data.
            """)

    @OptionGroup var server: ServerOptions
    @OptionGroup var selection: SeriesOptions

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The folder.", valueName: "dir"),
        completion: .directory)
    var output: String

    @Flag(help: "Say what would be fetched, and write nothing.")
    var dryRun = false

    func validate() throws {
        guard selection.isLimited else {
            throw ValidationError("say which: --study, --series, --patient-id or --date")
        }
    }

    func run() throws {
        let client = try server.client()
        let images = try ArchiveImages(
            of: selection.found(by: client), client: client, folder: output)
        let fetched = try images.fetch(dryRun: dryRun)
        Terminal.print(
            "\(counted(images.all.count, "image")): \(fetched.new) "
                + (dryRun ? "would be fetched" : "fetched") + ", \(fetched.present) already there, "
                + "\(fetched.failed) failed")
        if fetched.failed > 0 { throw ExitError(.someImages) }
    }
}

/// The images of some series, and where they are on this machine.
struct ArchiveImages {
    struct Image {
        let study: String
        let series: String
        let instance: String
    }

    struct Counts {
        var new = 0
        var present = 0
        var failed = 0
    }

    /// Ultrasound image and multi-frame image, also the retired forms.
    private static let imageClasses: Set = [
        "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1", "1.2.840.10008.5.1.4.1.1.6",
        "1.2.840.10008.5.1.4.1.1.3",
    ]
    /// Series of other modalities have these besides images: Segmentation, reports, measurements.
    private static let otherClasses = [
        "1.2.840.10008.5.1.4.1.1.66", "1.2.840.10008.5.1.4.1.1.88", "1.2.840.10008.5.1.4.1.1.11",
    ]

    let all: [Image]
    private let client: DICOMWebClient
    private let folder: String

    /// Asks which images the series have.
    ///
    /// - Throws: ``ExitError``.
    init(of series: [PACSSeries], client: DICOMWebClient, folder: String) throws {
        self.client = client
        self.folder = folder
        var all: [Image] = []
        for series in series {
            let results = try withExitStatus(.unavailable) {
                try client.query(
                    "studies/\(series.study)/series/\(series.series)/instances",
                    filters: [("includefield", "00080016")])
            }
            for result in results {
                guard let instance = result.uid("00080018") else { continue }
                let kind = result.uid("00080016") ?? ""
                let isImage =
                    series.modality == "US"
                    ? Self.imageClasses.contains(kind)
                    : !Self.otherClasses.contains(where: kind.hasPrefix)
                guard isImage else { continue }
                all.append(
                    Image(study: series.study, series: series.series, instance: instance))
            }
        }
        guard !all.isEmpty else { throw ExitError(.nothingFound, "the server has no such images") }
        self.all = all
    }

    /// The file of an image.
    func path(of image: Image) -> String { "\(folder)/images/\(image.instance).dcm" }

    /// Fetches the images that are not there.
    ///
    /// - Parameter dryRun: whether they are only counted.
    /// - Returns: what was done.
    /// - Throws: ``ExitError`` when the server or the folder cannot be used any more.
    func fetch(dryRun: Bool) throws -> Counts {
        var counts = Counts()
        if !dryRun {
            try withExitStatus(.output) {
                try FileManager.default.createDirectory(
                    atPath: "\(folder)/images", withIntermediateDirectories: true)
            }
            Leftovers.remove(in: "\(folder)/images")
        }
        let interruption = Interruption()
        var progress = ProgressBar(total: all.count)
        defer { progress.clear() }
        for (done, image) in all.enumerated() {
            guard !interruption.isRequested else {
                throw ExitError(
                    .interrupted,
                    "interrupted after \(done) of \(all.count) images: run it again to go on")
            }
            progress.show(done: done, name: image.instance)
            if FileKind(path(of: image)) == .file {
                counts.present += 1
                continue
            }
            guard !dryRun else {
                counts.new += 1
                continue
            }
            do throws(DICOMWebError) {
                let bytes = try client.fetch(
                    study: image.study, series: image.series, instance: image.instance)
                try keep(bytes, of: image)
                counts.new += 1
            } catch {
                guard !error.endsRun else { throw ExitError(.unavailable, "\(error)") }
                Terminal.log("failed: \(image.instance): \(error)")
                counts.failed += 1
            }
        }
        return counts
    }

    /// Writes a file under its name when it is the right one.
    private func keep(_ bytes: [UInt8], of image: Image) throws(DICOMWebError) {
        let path = path(of: image)
        do {
            let file = try AtomicFile(path)
            try file.append(bytes)
            try file.seal()
            let found = try DICOMFile.read(file.temporary)
            guard found.sopInstance == image.instance else {
                throw DICOMWebError.badAnswer(
                    "the server sent the object \(found.sopInstance ?? "without a UID")")
            }
            try file.commit()
        } catch let error as DICOMWebError {
            throw error
        } catch {
            throw .badAnswer("\(error)")
        }
    }
}
