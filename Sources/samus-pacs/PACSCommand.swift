import ArgumentParser
import Commands
import DICOMWeb
import Foundation
import Imaging

/// `samus-pacs`, which `samus pacs` starts.
struct PACSCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "samus pacs",
        abstract: "Query, fetch, segment and store at a DICOMweb server.",
        discussion: """
            URL is the root of the service, for example https://pacs.example/dicom-web. \
            Certificates are checked; redirections are not followed. Credentials come from the \
            environment alone: SAMUS_PACS_TOKEN, or SAMUS_PACS_USER and SAMUS_PACS_PASSWORD; they \
            are sent by https, and by http to this machine only.

            Examples:
              samus pacs query URL --patient-id 4711
              samus pacs fetch URL --study 1.2.840… --output study
              samus pacs run URL --study 1.2.840… --output work -- --frame all --point 210,160
              samus pacs store URL work/results/*.seg.dcm

            Docs/PACS.md explains what is sent and stored.

            Research use only, not a medical device: check every outline.
            """,
        version: "samus \(ProgramVersion.current)",
        subcommands: [QueryCommand.self, FetchCommand.self, StoreCommand.self, RunCommand.self])
}

/// The server, and what is asked of it.
struct ServerOptions: ParsableArguments {
    @Argument(help: "The root of the DICOMweb service: https://HOST/PATH.")
    var url: String

    @Flag(help: "Accept http for another machine: patients' data are then not encrypted.")
    var allowHttp = false

    @Option(help: ArgumentHelp("Largest file to fetch, in MB.", valueName: "MB"))
    var maxSize = 512

    @Option(help: ArgumentHelp("Longest wait for the server, in seconds.", valueName: "s"))
    var timeout = 60

    func validate() throws {
        guard (1...2048).contains(maxSize) else {
            throw ValidationError("--max-size takes a number from 1 to 2048")
        }
        guard (1...3600).contains(timeout) else {
            throw ValidationError("--timeout takes a number from 1 to 3600")
        }
    }

    func client() throws -> DICOMWebClient {
        try withExitStatus(.input) {
            try DICOMWebClient(
                url, credentials: .init(environment: ProcessInfo.processInfo.environment),
                allowsPlainHTTP: allowHttp, largestFile: maxSize << 20, timeout: Double(timeout))
        }
    }
}

/// Which series are meant.
struct SeriesOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only this study (Study Instance UID).", valueName: "uid"))
    var study: String?

    @Option(help: ArgumentHelp("Only this series (Series Instance UID).", valueName: "uid"))
    var series: String?

    @Option(help: ArgumentHelp("Only this patient (Patient ID).", valueName: "id"))
    var patientId: String?

    @Option(
        help: ArgumentHelp(
            "Only studies of this day, or of this range: 20240131 or 20240101-20240131.",
            valueName: "date"))
    var date: String?

    @Option(help: ArgumentHelp("Only series of this modality; '*' for all.", valueName: "code"))
    var modality = "US"

    @Option(help: ArgumentHelp("At most this number of series.", valueName: "n"))
    var limit = 1000

    func validate() throws {
        for (name, uid) in [("--study", study), ("--series", series)] {
            guard uid?.isDICOMUID ?? true else {
                throw ValidationError("\(name): a UID has digits and dots, at most 64")
            }
        }
        guard (1...100_000).contains(limit) else {
            throw ValidationError("--limit takes a number from 1 to 100000")
        }
        if let date, date.wholeMatch(of: /[0-9]{8}|[0-9]{8}-|-[0-9]{8}|[0-9]{8}-[0-9]{8}/) == nil {
            throw ValidationError("--date takes 20240131 or a range 20240101-20240131")
        }
    }

    /// Whether anything limits the query: a whole archive is never fetched by mistake.
    var isLimited: Bool { study != nil || series != nil || patientId != nil || date != nil }

    /// Asks for the series.
    func found(by client: DICOMWebClient) throws -> [PACSSeries] {
        var filters: [(name: String, value: String)] = []
        if modality != "*" { filters.append(("Modality", modality)) }
        if let study { filters.append(("StudyInstanceUID", study)) }
        if let series { filters.append(("SeriesInstanceUID", series)) }
        if let patientId { filters.append(("PatientID", patientId)) }
        if let date { filters.append(("StudyDate", date)) }
        for tag in PACSSeries.tags { filters.append(("includefield", tag)) }
        let results = try withExitStatus(.unavailable) {
            try client.query("series", filters: filters, limit: limit)
        }
        return results.compactMap { PACSSeries($0) }.filter { found in
            // Some servers ignore filters that they do not know.
            (modality == "*" || found.modality == modality)
                && (study == nil || found.study == study)
                && (series == nil || found.series == series)
                && (patientId == nil || found.patientID == nil || found.patientID == patientId)
        }
    }
}

/// A series that a server has.
struct PACSSeries {
    let study: String
    let series: String
    let modality: String
    let description: String
    let date: String
    let patientID: String?
    let instances: Int?

    /// Attributes that a server need not send unless it is asked.
    static let tags = ["00100020", "00080020", "0008103E", "00201209"]

    /// nil for a result without UIDs.
    init?(_ result: DICOMJSON) {
        guard let study = result.uid("0020000D"), let series = result.uid("0020000E") else {
            return nil
        }
        self.study = study
        self.series = series
        modality = result.text("00080060") ?? ""
        description = result.text("0008103E") ?? ""
        date = result.text("00080020") ?? ""
        patientID = result.text("00100020")
        instances = result.number("00201209")
    }
}

/// `samus pacs query`.
struct QueryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "List series of ultrasound images.",
        discussion: """
            Prints a line for each series: date, modality, number of objects, description, Study and \
            Series Instance UID. Patients' names are not printed.
            """)

    @OptionGroup var server: ServerOptions
    @OptionGroup var selection: SeriesOptions

    func run() throws {
        let found = try selection.found(by: server.client())
        for series in found {
            let count = series.instances.map { "\($0)" } ?? "?"
            Terminal.print(
                [
                    series.date.isEmpty ? "-" : series.date, series.modality, count,
                    series.description.isEmpty ? "-" : series.description, series.study,
                    series.series,
                ].joined(separator: "\t"))
        }
        if found.isEmpty { throw ExitError(.nothingFound, "no such series") }
    }
}

extension DICOMWebError {
    /// Whether the run cannot go on: other files would fail in the same way.
    var endsRun: Bool {
        switch self {
        case .refused, .unreachable, .badAddress: true
        default: false
        }
    }
}
