import ArgumentParser
import Commands
import DICOMWeb
import FileIO
import Foundation

/// `samus pacs run`.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Fetch images, segment them, and store the results.",
        usage: "samus pacs run URL --study UID --output DIR [options] -- OPTIONS OF samus segment",
        discussion: """
            Fetches the images to OUTPUT/images, segments them with the options after '--' to \
            OUTPUT/results, and stores a Segmentation object and a report for each image in the \
            image's study. Everything that is already done is left out: run the same command again \
            after an interruption. With --dry-run nothing is fetched, segmented or stored.

            With --no-store results stay on this machine; look at them, and store them with \
            'samus pacs store'.
            """)

    @OptionGroup var server: ServerOptions
    @OptionGroup var selection: SeriesOptions

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The folder.", valueName: "dir"),
        completion: .directory)
    var output: String

    @Flag(help: "Say what would be done, and do nothing.")
    var dryRun = false

    @Flag(help: "Do not store the results.")
    var noStore = false

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp(
            "Options of 'samus segment': prompts, model, --frame.", valueName: "options"))
    var segment: [String] = []

    func validate() throws {
        guard selection.isLimited else {
            throw ValidationError("say which: --study, --series, --patient-id or --date")
        }
        guard !segment.isEmpty else {
            throw ValidationError("options of 'samus segment' are needed after '--'")
        }
        let own = ["-o", "--output", "--format", "--force", "--skip-existing", "--prompts"]
        if let option = segment.first(where: { argument in
            own.contains { argument == $0 || argument.hasPrefix($0 + "=") }
        }) {
            throw ValidationError("\(option) is chosen by 'samus pacs run': leave it out")
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
        var failures = fetched.failed
        if !dryRun {
            let files = images.all.map(images.path).filter { FileKind($0) == .file }
            guard !files.isEmpty else { throw ExitError(.someImages, "no image was fetched") }
            failures += try runSegment(files)
        }
        if !noStore {
            let results = images.all.flatMap { image in
                ["seg", "sr"].map { "\(output)/results/\(image.instance).\($0).dcm" }
            }.filter { FileKind($0) == .file }
            let counts = try ArchiveStore(client: client, dryRun: dryRun).store(results)
            Terminal.print(counts.text(dryRun: dryRun))
            failures += counts.failed
        }
        if failures > 0 { throw ExitError(.someImages) }
    }

    /// Runs `samus segment`, which leaves out images whose results exist.
    ///
    /// - Parameter files: the images.
    /// - Returns: 1 where some images failed.
    /// - Throws: ``ExitError`` with the exit code of `samus segment` where it could not run.
    private func runSegment(_ files: [String]) throws -> Int {
        let program = ProgramLocation.folder.appendingPathComponent("samus")
        guard FileManager.default.isExecutableFile(atPath: program.path) else {
            throw ExitError(.unavailable, "the program 'samus' is missing: \(program.path)")
        }
        let process = Process()
        process.executableURL = program
        process.arguments =
            ["segment"] + files + segment + [
                "--format", "png,overlay,json,dicom-seg,sr", "--skip-existing", "--output",
                "\(output)/results",
            ]
        process.standardInput = FileHandle.nullDevice
        try withExitStatus(.unavailable) { try process.run() }
        process.waitUntilExit()
        let status = process.terminationStatus
        if status == 0 || status == ExitStatus.nothingFound.rawValue { return 0 }
        guard status == ExitStatus.someImages.rawValue else {
            throw ExitError(
                ExitStatus(rawValue: status) ?? .unavailable,
                "'samus segment' ended with the exit code \(status)")
        }
        return 1
    }
}
