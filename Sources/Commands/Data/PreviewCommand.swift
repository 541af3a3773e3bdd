import ArgumentParser
import Datasets
import Drawing
import FileIO
import Foundation
import Imaging
import Segmentation

/// `samus data preview`: draws a sheet of augmented images.
struct PreviewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview", abstract: "Draw augmented images of a dataset.",
        discussion: """
            Each row shows an image as the network sees it, then its augmented versions in the \
            first epochs, with the object's outline and a training click.

            --augment takes none, authors (gamma, rotation, scale and contrast, as SAMUS was \
            trained), and \(Self.others). A number after a colon sets the strength: \
            authors,flip,speckle:0.3. Docs/Augmentation.md describes them.

            Research use only, not a medical device.
            """)

    private static let others = AugmentationKind.allCases.filter { !$0.isAuthors }
        .map(\.rawValue).joined(separator: ", ")

    @Argument(help: "The folder of all datasets.", completion: .directory)
    var root: String
    @Option(help: "Which list: train, val or test.", transform: Self.split)
    var split = Split.train
    @Option(help: "Only this dataset.")
    var dataset: String?
    @Option(help: "Augmentations, separated by commas.", transform: AugmentationWords.init)
    var augment: AugmentationWords?
    @Option(help: "Seed of all random numbers.")
    var seed: UInt64 = 0
    @Option(help: "Number of random images, up to 32.")
    var count = 4
    @Option(help: "Number of versions of each image, up to 8.")
    var versions = 3
    @Option(
        name: .shortAndLong, help: "The sheet, a PNG file.",
        completion: .file(extensions: ["png"]))
    var output = "preview.png"
    @Flag(help: "Replace an existing sheet.")
    var force = false

    private static func split(_ text: String) throws -> Split {
        guard let split = Split(rawValue: text) else {
            throw ValidationError("'\(text)': train, val or test is needed")
        }
        return split
    }

    func validate() throws {
        guard 1...32 ~= count else { throw ValidationError("--count is 1 to 32") }
        guard 1...8 ~= versions else { throw ValidationError("--versions is 1 to 8") }
    }

    func run() throws {
        let file = OutputFile(path: output)
        try file.check(force: force, option: "--output")
        let data = try withExitStatus(.input) { try DatasetCollection(root: root) }
        try file.checkIsNoInput(of: data, option: "--output")
        let sheet = try withExitStatus(.input) { try drawn(data) }
        try withExitStatus(.output) { try sheet.write(to: output, comment: ResearchNotice.text) }
        Terminal.print("wrote \(output.visibleLine)")
    }

    private func drawn(_ data: DatasetCollection) throws -> Image {
        let samples = try data.samples(split, of: dataset)
        let recipe = augment?.recipe ?? .authors
        var choice = SampleRandom(seed: seed)
        let chosen = samples.indices.shuffled(using: &choice).prefix(count)
        var tiles: [(image: Image, caption: String)] = []
        for index in chosen {
            let sample = samples[index]
            let labelled = try sample.read()
            tiles.append(
                tile(
                    labelled.resized(to: AugmentationRecipe.modelSize), of: sample,
                    caption: sample.id))
            for epoch in 0..<versions {
                var random = SampleRandom(seed: seed, epoch, index)
                let augmented = recipe.apply(to: labelled, using: &random)
                let prompt = PromptSampler(.clicks(1)).prompt(
                    for: augmented.mask(of: sample.label), using: &random)
                tiles.append(tile(augmented, of: sample, prompt, caption: "epoch \(epoch)"))
            }
        }
        return sideBySide(tiles, columns: versions + 1)
    }

    private func tile(
        _ labelled: LabelledImage, of sample: Sample, _ prompt: Prompt = Prompt(), caption: String
    ) -> (image: Image, caption: String) {
        let object = OverlayObject(
            mask: labelled.mask(of: sample.label), foregroundPoints: prompt.foregroundPoints,
            backgroundPoints: prompt.backgroundPoints)
        let overlay = Overlay(objects: [object], fillsMasks: false)
        return (overlay.drawWithoutStrip(on: labelled.image), caption)
    }
}

/// A recipe as written on the command line.
struct AugmentationWords {
    let recipe: AugmentationRecipe

    init(_ words: String) throws {
        do throws(AugmentationError) {
            recipe = try AugmentationRecipe(words: words)
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
