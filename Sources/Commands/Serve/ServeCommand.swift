import ArgumentParser
import FileIO
import Foundation
import Inference
import Segmentation

/// `samus serve`, which the program `samus-server` runs.
struct ServeHandover: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Segment in the browser, and answer other programs over HTTP.",
        discussion: ServeOptions.discussion)

    @OptionGroup var options: ServeOptions

    func run() throws {
        try Handover.to("samus-server", builtBy: "make serve")
    }
}

/// The options of `samus serve` and `samus-server`.
public struct ServeOptions: ParsableArguments {
    /// What the server does, in help texts.
    public static let discussion = """
        Opens a page for the browser at http://127.0.0.1:8080/ and answers MONAI Label (3D \
        Slicer), X-AnyLabeling, the Open Inference Protocol, Label Studio, CVAT and plain HTTP on \
        the same port: Docs/Server.md. SIGTERM or Ctrl-C stops it after the running requests.

        Research use only, not a medical device.
        """

    /// The model, and how it runs.
    @OptionGroup public var engine: EngineOptions

    /// The served folder or archive.
    @Option(
        help: ArgumentHelp(
            "A folder of images to choose from; accepted masks are written into it, as the dataset "
                + "'Accepted' of the US30K layout. Or the root of a DICOMweb service, as "
                + "https://pacs.example/dicom-web: its ultrasound images, and masks are stored in it "
                + "as DICOM SEG. Credentials come from the environment: SAMUS_PACS_TOKEN, or "
                + "SAMUS_PACS_USER and SAMUS_PACS_PASSWORD.",
            valueName: "folder|url"),
        completion: .directory)
    public var data: String?

    /// Plain HTTP to the archive.
    @Flag(
        help:
            "Accept http for a DICOMweb service on another machine: patients' data are then not encrypted."
    )
    public var allowHttp = false

    /// Whether the images are those of a DICOMweb service.
    public var servesArchive: Bool {
        data.map { $0.lowercased().hasPrefix("http://") || $0.lowercased().hasPrefix("https://") }
            ?? false
    }

    /// The port.
    @Option(help: ArgumentHelp("The port; 0 takes a free one.", valueName: "n"))
    public var port = 8080

    /// The address.
    @Option(
        help: ArgumentHelp(
            "The address to listen on. Addresses other than 127.0.0.1 need --token.",
            valueName: "address"))
    public var host = "127.0.0.1"

    /// The token.
    @Option(
        help: ArgumentHelp(
            "What clients must send as 'Authorization: Bearer TOKEN', at least 16 characters. The "
                + "environment variable SAMUS_TOKEN does the same and is not visible to other users.",
            valueName: "token"))
    public var token: String?

    /// Other web pages.
    @Option(
        help: ArgumentHelp(
            "Let web pages of this origin use the server, as https://viewer.example. Repeatable.",
            valueName: "origin"))
    public var allowOrigin: [String] = []

    /// The audit log.
    @Option(
        help: ArgumentHelp(
            "Add one JSON line to this file for each mask: time, prompt, model, SHA-256 of image and "
                + "mask.",
            valueName: "file"),
        completion: .file())
    public var auditLog: String?

    /// A log of all requests.
    @Flag(
        help: ArgumentHelp(
            "Log a JSON line on standard error for each request: route, status and time, no names. "
                + "Without it, only failures of the server are logged."))
    public var logRequests = false

    /// Largest request.
    @Option(help: ArgumentHelp("Largest request, in MB.", valueName: "MB"))
    public var maxRequest = 64

    /// Largest image.
    @Option(help: ArgumentHelp("Largest image, in megapixels.", valueName: "n"))
    public var maxPixels = 40

    /// Longest wait.
    @Option(
        help: ArgumentHelp(
            "Longest time, in seconds, that a request waits for the model, or may take to arrive.",
            valueName: "s"))
    public var timeLimit = 60

    /// Length of the queue.
    @Option(
        help: ArgumentHelp(
            "Number of requests that wait for the model; further ones are answered with 503.",
            valueName: "n"))
    public var queue = 64

    /// Giving memory back.
    @Option(
        help: ArgumentHelp(
            "Load the model with the first request, and give its memory back after this time without "
                + "one; the next request then waits for about a second.",
            valueName: "min"))
    public var idle: Int?

    /// The default options.
    public init() {}

    /// Checks the ranges of numbers.
    public func validate() throws {
        for (name, value, range) in [
            ("--max-request", maxRequest, 1...2048), ("--max-pixels", maxPixels, 1...100),
            ("--time-limit", timeLimit, 1...3600), ("--queue", queue, 1...10_000),
            ("--idle", idle ?? 1, 1...10_000),
        ] where !range.contains(value) {
            throw ValidationError(
                "\(name) is \(value): a number from \(range.lowerBound) to \(range.upperBound) is "
                    + "needed")
        }
    }
}

/// The model of a server: always a bundle, as libtorch is not part of the server.
package struct ServedModel {
    /// The engine, ready for images.
    package let engine: any SegmentationEngine
    /// Notes for the user about the model.
    package let notes: [String]

    /// Loads a model.
    ///
    /// - Parameter options: the model, and how it runs.
    /// - Throws: ``ExitError``.
    package init(_ options: EngineOptions) throws {
        (engine, notes) = try withExitStatus(.unavailable) {
            let loaded = try Self.checked(options)
            let ready = try loaded.makeEngine(options)
            return (ready.engine, loaded.notes + ready.notes)
        }
    }

    /// A model that is loaded with its first image, and can give its memory back.
    ///
    /// - Parameter options: the model, and how it runs.
    /// - Returns: the engine, which has loaded nothing yet.
    /// - Throws: ``ExitError``.
    package static func resting(_ options: EngineOptions) throws -> any SegmentationEngine {
        let model = try withExitStatus(.unavailable) { try checked(options).model }
        return RestingEngine(model: model) { try ServedModel(options).engine }
    }

    private static func checked(_ options: EngineOptions) throws -> LoadedModel {
        guard options.bundle != nil else {
            try withExitStatus(.unavailable) { _ = try ModelCatalog.path(of: options.model) }
            throw ExitError(
                .unavailable,
                "samus serve runs model bundles, and '\(options.model)' is none: 'samus export' "
                    + "makes a bundle of a checkpoint")
        }
        let loaded = try LoadedModel(options)
        guard loaded.model.classes == nil else {
            throw EngineError.severalClasses(model: loaded.model.name)
        }
        return loaded
    }
}

/// The programs that train on accepted masks.
package enum TrainingPrograms {
    /// `samus` beside this program, where `samus-train` is there too; otherwise nil.
    package static var path: String? {
        guard Handover.isPossible else { return nil }
        let path = ProgramLocation.folder.appendingPathComponent("samus").path
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }
}
