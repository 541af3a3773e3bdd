import Foundation
import Imaging
import Testing

@testable import Datasets

@Suite("Further augmentations keep their promises")
struct AugmentationTests {
    let labelled: LabelledImage

    init() throws {
        labelled = try LabelledImage.chain().resized(to: AugmentationRecipe.modelSize)
    }

    @Test(
        "strength 0 changes nothing",
        arguments: AugmentationKind.allCases.filter { $0.strengths != nil && $0 != .sector })
    func strengthZero(kind: AugmentationKind) {
        for epoch in 0..<6 {
            #expect(applied(kind.make(strength: 0), epoch) == labelled)
        }
    }

    @Test("each is applied with probability 0.5 and is reproducible")
    func chance() {
        for kind in AugmentationKind.allCases where !kind.isAuthors {
            let results = (0..<40).map { applied(kind.make(), $0) }
            let changed = results.count { $0 != labelled }
            #expect((10...30).contains(changed), "\(kind): \(changed)")
            #expect(results[..<8] == (0..<8).map { applied(kind.make(), $0) }[...], "\(kind)")
        }
    }

    @Test("changes of grey levels leave the label unchanged")
    func shading() {
        for kind in [AugmentationKind.speckle, .attenuation, .haze, .tgc] {
            for epoch in 0..<8 {
                #expect(applied(kind.make(), epoch).label == labelled.label, "\(kind)")
            }
        }
    }

    @Test("flips mirror pixels, and two flips restore the image")
    func flips() {
        let small = Image(width: 3, height: 2, channels: 1, pixels: [1, 2, 3, 4, 5, 6])
        #expect(small.flipped(.horizontal).pixels == [3, 2, 1, 6, 5, 4])
        #expect(small.flipped(.vertical).pixels == [4, 5, 6, 1, 2, 3])
        #expect(labelled.image.flipped(.vertical).flipped(.vertical) == labelled.image)
    }

    @Test("elastic deformation is the same for image and label")
    func elastic() {
        let twin = LabelledImage(
            image: labelled.label.mapped { $0 == 0 ? 0 : 200 }, label: labelled.label)
        for epoch in 0..<8 {
            var (copy, random) = (twin, SampleRandom(seed: 1, epoch))
            ElasticAugmentation(probability: 1).apply(to: &copy, using: &random)
            #expect(copy != twin)
            let wrong = zip(copy.image.pixels, copy.label.pixels).count { ($0 >= 100) != ($1 > 0) }
            #expect(wrong < 60, "\(wrong)")
        }
    }

    @Test("speckle has mean and deviation of the Rayleigh distribution and is correlated")
    func speckle() {
        var random = SampleRandom(seed: 2)
        let size = Size(height: 256, width: 256)
        let grains = SpeckleAugmentation.grains(size, using: &random).map(Double.init)
        let mean = grains.reduce(0, +) / Double(grains.count)
        let variance = grains.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(grains.count)
        #expect(abs(mean - 1) < 0.03)
        // The ratio of deviation and mean is sqrt(4 / pi - 1) = 0.5227.
        #expect(abs(variance.squareRoot() - 0.5227) < 0.03)
        func correlation(_ step: Int) -> Double {
            let count = grains.count - step
            let sum = (0..<count).reduce(0) {
                $0 + (grains[$1] - mean) * (grains[$1 + step] - mean)
            }
            return sum / Double(count) / variance
        }
        #expect(correlation(1) > 0.6 && correlation(256) > 0.3 && abs(correlation(20)) < 0.05)
        #expect(correlation(2) > correlation(512))
    }

    @Test("attenuation increases with depth, haze brightens the near field only")
    func depth() {
        let flat = LabelledImage(
            image: labelled.image.mapped { _ in 128 }, label: labelled.label)
        for epoch in 0..<8 {
            var (dark, random) = (flat, SampleRandom(seed: 3, epoch))
            AttenuationAugmentation(probability: 1).apply(to: &dark, using: &random)
            let column = (0..<256).map { dark.image.pixels[$0 * 256 + 128] }
            #expect(column == column.sorted(by: >) && column[0] >= 126)
            var bright = flat
            HazeAugmentation(probability: 1).apply(to: &bright, using: &random)
            #expect(zip(bright.image.pixels, flat.image.pixels).allSatisfy { $0 >= $1 })
            #expect(bright.image.pixels[255 * 256 + 128] == 128)
        }
    }

    @Test("a sector hides at most the allowed fraction of the label; outside both are black")
    func sector() {
        var cropped = 0
        for epoch in 0..<20 {
            var (copy, random) = (labelled, SampleRandom(seed: 4, epoch))
            SectorAugmentation(probability: 1).apply(to: &copy, using: &random)
            for label: UInt8 in [1, 2] {
                let left = copy.label.pixels.count { $0 == label }
                #expect(Double(left) >= 0.7 * Double(labelled.label.pixels.count { $0 == label }))
            }
            let lost = zip(copy.label.pixels, labelled.label.pixels).enumerated()
                .filter { $1.0 != $1.1 }
            #expect(lost.allSatisfy { copy.image.pixels[$0.offset] == 0 && $0.element.0 == 0 })
            if copy != labelled { cropped += 1 }
        }
        #expect(cropped > 10)
    }

    @Test("a recipe is read from text")
    func words() throws {
        let recipe = try AugmentationRecipe(words: "flip,authors,speckle:0.3")
        #expect(
            recipe.names == ["gamma", "rotation", "scale", "contrast", "flip", "speckle"])
        #expect((recipe.afterResizing[1] as? SpeckleAugmentation)?.strength == 0.3)
        #expect(try AugmentationRecipe(words: "none").names.isEmpty)
        #expect(try AugmentationRecipe(words: "authors").names == AugmentationRecipe.authors.names)
        let everything = AugmentationKind.allCases.map(\.rawValue)
        #expect(
            try AugmentationRecipe(words: everything.joined(separator: ",")).names == everything)
    }

    @Test(
        "unknown names and strengths are refused with one sentence",
        arguments: [
            ("authors,blur", "there is no augmentation 'blur'"),
            ("", "there is no augmentation ''"),
            ("gamma:2", "'gamma' has no strength"), ("authors:1", "'authors' has no strength"),
            ("speckle:2", "from 0.0 to 1.0, not '2'"), ("haze:nan", "not 'nan'"),
            ("haze:", "not ''"), ("flip,flip", "'flip' is named twice"),
            ("authors,gamma", "'gamma' is named twice"), ("none,flip", "no augmentation 'none'"),
        ])
    func refusals(words: String, sentence: String) {
        do throws(AugmentationError) {
            _ = try AugmentationRecipe(words: words)
            Issue.record("'\(words)' was taken")
        } catch {
            #expect("\(error)".contains(sentence), "\(error)")
        }
    }

    @Test("every augmentation works on an image of one pixel")
    func small() {
        let one = Image(width: 1, height: 1, channels: 1, pixels: [7])
        for kind in AugmentationKind.allCases where kind != .scale {
            for epoch in 0..<6 {
                var (copy, random) = (
                    LabelledImage(image: one, label: one), SampleRandom(seed: 5, epoch)
                )
                kind.make().apply(to: &copy, using: &random)
                #expect(copy.image.size == one.size)
            }
        }
    }

    private func applied(_ augmentation: any Augmentation, _ epoch: Int) -> LabelledImage {
        var (copy, random) = (labelled, SampleRandom(seed: 6, epoch))
        augmentation.apply(to: &copy, using: &random)
        return copy
    }
}
