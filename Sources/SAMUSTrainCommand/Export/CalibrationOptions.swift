import ArgumentParser
import Foundation
import Imaging
import Segmentation
import Ultrasound

/// Pictures that 8-bit layers are made fit with, as asked for on the command line.
struct CalibrationOptions: ParsableArguments {
    @Option(
        name: .customLong("calibrate"),
        help: ArgumentHelp("Data sets in US30K layout.", valueName: "root"),
        completion: .directory)
    var root: String?

    @Option(
        help: ArgumentHelp(
            "Pictures of the train lists to take ranges from, evenly over all data sets.",
            valueName: "n"))
    var calibrationPictures = 32

    @Option(
        help: ArgumentHelp(
            "Objects of the val lists to compare masks on, evenly over all data sets: with int8 half "
                + "of them choose the layers, and the table is of the others.",
            valueName: "n"))
    var comparedObjects = 48

    @Option(help: "How each is pointed at: fixed (a click), box or none (default: as trained).")
    var prompt: LabelPrompt?

    func validate() throws {
        if case .random = prompt {
            throw ValidationError("--prompt: fixed, box or none; random clicks compare nothing")
        }
        guard (1...10_000).contains(calibrationPictures), (1...10_000).contains(comparedObjects)
        else {
            throw ValidationError(
                "--calibration-pictures and --compared-objects: numbers from 1 to 10000")
        }
    }
}

extension LabelPrompt: ExpressibleByArgument {}

/// The pictures and objects chosen.
struct CalibrationData {
    let pictures: [Image]
    let objects: [Sample]
    let prompt: LabelPrompt?

    init(_ root: String, _ options: CalibrationOptions) throws {
        let data = try UltrasoundData(root: root)
        pictures = try Self.spread(
            try data.samples(.train), options.calibrationPictures, once: true
        ).map { try $0.read().image }
        objects = Self.spread(try data.samples(.val), options.comparedObjects, once: false)
        prompt = options.prompt
    }

    /// Samples evenly over data sets, and evenly over the list of each.
    private static func spread(_ samples: [Sample], _ count: Int, once: Bool) -> [Sample] {
        var seen: Set<String> = []
        let kept = samples.filter { !once || seen.insert($0.picture).inserted }
        let sets = Dictionary(grouping: kept) { $0.dataset }.sorted { $0.key < $1.key }
        let share = max(1, count / max(1, sets.count))
        return sets.flatMap { _, samples in
            let taken = min(share, samples.count)
            return (0..<taken).map { samples[$0 * samples.count / taken] }
        }
    }
}
