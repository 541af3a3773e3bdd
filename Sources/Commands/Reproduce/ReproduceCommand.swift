import ArgumentParser
import FileIO
import Foundation
import Imaging
import Studies

/// `samus reproduce`: a comparison of networks from one file, trained, measured and tabulated.
struct ReproduceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reproduce",
        abstract: "Train, measure and compare networks by a study file.",
        usage: """
            samus reproduce STUDY.yaml --data ROOT [--output DIR] [--dry-run]
            samus reproduce STUDY.yaml --data ROOT --shard 1/8
            samus reproduce STUDY.yaml --data ROOT --tables
            """,
        discussion: """
            STUDY.yaml names datasets, networks, seeds, a budget and how to evaluate; \
            Docs/Comparison.md explains its keys, and Studies/ has examples. Each training and each \
            evaluation is a job, run by 'samus train' or 'samus evaluate'. \
            The same command continues a study that was stopped or killed; after a change of the \
            file or the data only the jobs that depend on the change are run again.

            Several processes can share DIR: each takes jobs that no other one runs. With --shard \
            2/8, as in a Slurm array, a process takes the second of eight parts.

            DIR gets results/results.md, tables.tex, statistics.csv, per_case.csv, costs.csv, and \
            images when all jobs are done; jobs/ and logs/ have a file for each job, train/ and \
            evaluate/ their folders.

            Exit codes: 0 done, or others run the rest; 1 some jobs failed, the others are done; 64 \
            the study file is wrong; 66 data or weights are missing; 73 results cannot be written; \
            130 interrupted. Research use only, not a medical device.
            """)

    @Argument(help: "The study file.", completion: .file(extensions: ["yaml", "yml"]))
    var study: String

    @Option(
        help: ArgumentHelp(
            "The folder of the datasets (default: 'data.root' of the study).", valueName: "root"),
        completion: .directory)
    var data: String?

    @Option(
        help: ArgumentHelp(
            "A folder with the weights that the study names (default: the study's folder).",
            valueName: "dir"), completion: .directory)
    var weights: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "The study's folder (default: runs/studies/NAME).", valueName: "dir"),
        completion: .directory)
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Only one part of the jobs: 2/8 is the second of eight.", valueName: "i/n"))
    var shard: Shard?

    @Option(help: ArgumentHelp("CPU threads of each job (default: all cores).", valueName: "n"))
    var threads: Int?

    @Flag(help: "List the jobs and which are done; run nothing.")
    var dryRun = false

    @Flag(help: "Run no job; write the tables of what is done so far.")
    var tables = false

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads \(threads): a number from 1 to 1024 is needed")
        }
        if dryRun && tables { throw ValidationError("--dry-run or --tables, not both") }
    }

    func run() throws {
        let plan = try plan()
        let folder = StudyFolder(output ?? "runs/studies/\(plan.study.name)")
        let queue = StudyQueue(plan: plan, folder: folder, shard: shard, threads: threads)
        if dryRun { return try list(plan, folder, queue) }
        var rest = StudyQueue.Rest()
        if !tables {
            try queue.makeFolders()
            rest = try queue.run()
        }
        let left = try withExitStatus(.input) {
            try plan.jobs.filter { try !folder.isDone($0) }
        }
        let hasFailedAlone = !rest.failed.isEmpty && left.count == rest.failed.count
        if left.isEmpty || tables {
            try writeResults(plan, folder, isPartial: !left.isEmpty)
        } else if hasFailedAlone {
            Terminal.log("no results are written; --tables writes those of the other jobs")
        } else {
            Terminal.print(
                "\(counted(left.count, "job")) of the study \(left.count == 1 ? "is" : "are") left to "
                    + "other processes; the last one writes the results")
        }
        guard rest.failed.isEmpty else {
            throw ExitError(
                .someImages,
                "\(counted(rest.failed.count, "job")) failed, for example '\(rest.failed[0])'; the "
                    + "same command tries again")
        }
    }

    /// Reads the study and finds what it needs.
    private func plan() throws -> StudyPlan {
        let file: Study
        do throws(StudyError) {
            file = try Study.read(study)
        } catch {
            if case .unreadable = error { throw ExitError(.input, "\(error)") }
            throw ValidationError("\(error)")
        }
        let own = URL(fileURLWithPath: study).deletingLastPathComponent()
        let root =
            data
            ?? file.data.map { path in
                path.hasPrefix("/")
                    ? path : own.appendingPathComponent(path).standardizedFileURL.path
            }
        let inputs = try withExitStatus(.input) {
            try StudyInputs(
                file, root: root, folders: (weights.map { [$0] } ?? []) + [own.path],
                canTrain: Handover.isPossible || tables || dryRun)
        }
        // Tables and lists are made without samus-train, which knows the names of the options.
        if Handover.isPossible { try TrainingOptionNames.check(file) }
        return try withExitStatus(.input) { try StudyPlan(file, inputs) }
    }

    private func list(_ plan: StudyPlan, _ folder: StudyFolder, _ queue: StudyQueue) throws {
        var done = 0
        let own = plan.jobs.filter(queue.isOwn)
        for job in own {
            let isDone = try withExitStatus(.input) { try folder.isDone(job) }
            done += isDone ? 1 : 0
            Terminal.print("\(isDone ? "done   " : "to do  ")\(job.title)  \(job.id)")
        }
        Terminal.print(
            "\(done) of \(counted(own.count, "job")) done in \(folder.path)\n\(ResearchNotice.text)"
        )
    }

    private func writeResults(
        _ plan: StudyPlan, _ folder: StudyFolder, isPartial: Bool
    ) throws {
        let results = try withExitStatus(.input) { try StudyResults(plan, in: folder) }
        try withExitStatus(.output) { try results.write() }
        Terminal.print(
            "\(folder.results)/results.md\(isPartial ? "  (incomplete)" : "")\n"
                + ResearchNotice.text)
    }
}

/// The names of the options of `samus train`, so that a misspelled one in a study is found before
/// anything is trained.
enum TrainingOptionNames {
    /// Checks the options of a study against those that `samus-train` has.
    ///
    /// - Parameter study: the study.
    /// - Throws: ``ExitError`` that names the first unknown option and its line.
    static func check(_ study: Study) throws {
        let options = study.training.options + study.networks.flatMap(\.options)
        guard let first = options.first else { return }
        let outcome = try Handover.output(of: ["train", "--help"])
        let known = Set(
            outcome.output.matches(of: #/--([a-z][a-z-]*)/#).map { String($0.1) })
        guard known.contains("epochs") else {
            throw ExitError(
                .unavailable,
                "'samus-train' does not list its options, so that '\(first.name)' cannot be checked"
            )
        }
        for option in options where !known.contains(option.name) {
            throw ValidationError(
                "line \(option.line) of the study: samus train has no option '--\(option.name)'")
        }
    }
}
