import ArgumentParser
import Datasets
import Drawing
import Foundation
import Imaging
import Segmentation

/// `samus data preview`: draws augmented images.
struct PreviewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview", abstract: "Draw augmented images of a data set.",
        discussion: """
            Each row has an image at the input size of the network, then the augmented image of \
            the first epochs with the outline of the object and a training click.

            --augment takes none, authors (gamma, rotation, scale and contrast, as SAMUS was \
            trained), and \(Self.others), which are off by default. A number after a colon sets \
            the strength: authors,flip,speckle:0.3. Docs/Augmentation.md explains each.

            Research use only, not a medical device.
            """)

    private static let others = AugmentationKind.allCases.filter { !$0.isAuthors }
        .map(\.rawValue).joined(separator: ", ")

    @Argument(help: "The folder with all data sets.", completion: .directory)
    var root: String
    @Option(help: "The split: train, val or test.", transform: Self.split)
    var split = Split.train
    @Option(help: "Only this data set, from its own list (train-Breast-BUSI.txt).")
    var dataset: String?
    @Option(help: "Augmentations, separated by commas.", transform: AugmentationArgument.init)
    var augment: AugmentationArgument?
    @Option(help: "Seed for the choice of images and the augmentation.")
    var seed: UInt64 = 0
    @Option(help: "How many images, 1 to 32.")
    var count = 4
    @Option(help: "How many augmented versions of each image, 1 to 8.")
    var versions = 3
    @Option(
        name: .shortAndLong, help: "The PNG file to write.",
        completion: .file(extensions: ["png"]))
    var output = "preview.png"
    @Flag(help: "Replace a file that exists.")
    var force = false

    private static func split(_ text: String) throws -> Split {
        guard let split = Split(rawValue: text) else {
            throw ValidationError("'\(text)': train, val or test is needed")
        }
        return split
    }

    func validate() throws {
        guard 1...32 ~= count else {
            throw ValidationError("--count: a number from 1 to 32 is needed")
        }
        guard 1...8 ~= versions else {
            throw ValidationError("--versions: a number from 1 to 8 is needed")
        }
    }

    func run() throws {
        guard force || !FileManager.default.fileExists(atPath: output) else {
            throw ExitError(
                .output,
                "'\(output.visibleLine)' exists already: add --force to replace it, or choose another --output"
            )
        }
        let sheet = try withExitStatus(.input) { try drawn() }
        try withExitStatus(.output) { try sheet.write(to: output, comment: ResearchNotice.text) }
        print("wrote \(output.visibleLine)")
    }

    private func drawn() throws -> Image {
        let samples = try UltrasoundData(root: root).samples(split, of: dataset)
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
            mask: labelled.mask(of: sample.label), clicks: prompt.points,
            negativeClicks: prompt.backgroundPoints)
        let overlay = Overlay(objects: [object], fillsMasks: false)
        return (overlay.drawWithoutStrip(on: labelled.image), caption)
    }
}

/// An augmentation recipe on the command line.
struct AugmentationArgument {
    let recipe: AugmentationRecipe

    init(_ words: String) throws {
        do throws(AugmentationError) {
            recipe = try AugmentationRecipe(words: words)
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
