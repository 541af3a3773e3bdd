import ArgumentParser
import Segmentation

/// Automatic masks, as asked for on the command line.
struct EverythingOptions: ParsableArguments {
    @Flag(help: "No prompt: a click on every point of a grid, and the masks that hold.")
    var everything = false

    @Option(help: ArgumentHelp("Clicks along one side of the grid (default: 32).", valueName: "n"))
    var pointsPerSide: Int?

    @Option(
        help: ArgumentHelp(
            "Clicks that go through the decoder at once (default: 64).", valueName: "n"))
    var pointsPerBatch: Int?

    @Option(
        help: ArgumentHelp(
            "Drop masks whose IoU estimate is not above this (default: 0.88).", valueName: "x"))
    var predictedIou: Double?

    @Option(
        help: ArgumentHelp(
            "Drop masks that change more when the cut moves (default: 0.95).", valueName: "x"))
    var stability: Double?

    @Option(
        help: ArgumentHelp(
            "Look at overlapping parts of the image too; layer n has 4^n (default: 0).",
            valueName: "n"))
    var cropLayers: Int?

    @Option(
        help: ArgumentHelp(
            "Remove holes and islands of fewer pixels (default: 0).", valueName: "pixels"))
    var minimumArea: Int?

    func validate() throws {
        guard everything else {
            let given: [(String, Any?)] = [
                ("points-per-side", pointsPerSide), ("points-per-batch", pointsPerBatch),
                ("predicted-iou", predictedIou), ("stability", stability),
                ("crop-layers", cropLayers), ("minimum-area", minimumArea),
            ]
            if let first = given.first(where: { $0.1 != nil }) {
                throw ValidationError("--\(first.0) belongs to --everything")
            }
            return
        }
        do throws(AutomaticMaskError) {
            try masks.validate()
        } catch {
            throw ValidationError("--everything: \(error)")
        }
    }

    /// What of it the generator takes.
    var masks: AutomaticMaskOptions {
        var options = AutomaticMaskOptions()
        options.pointsPerSide = pointsPerSide ?? options.pointsPerSide
        options.pointsPerBatch = pointsPerBatch ?? options.pointsPerBatch
        options.predictedIoU = predictedIou ?? options.predictedIoU
        options.stability = stability ?? options.stability
        options.cropLayers = cropLayers ?? options.cropLayers
        options.minimumRegionArea = minimumArea ?? options.minimumRegionArea
        return options
    }
}
