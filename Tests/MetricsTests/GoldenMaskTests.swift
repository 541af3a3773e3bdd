import Foundation
import Imaging
import TestSupport
import Testing

@testable import MaskMetrics

@Suite("Metrics of mask pairs equal those of MedPy, surface-distance, scikit-image and the authors")
struct GoldenMaskTests {
    @Test("all metrics of the mask pairs in the checkout are equal")
    func fixtures() throws {
        try compare(GoldenMasks.folders[0])
    }

    @Test(
        "all metrics of all golden mask pairs are equal",
        .enabled(
            if: Shared.isPresent,
            "../shared/golden/metrics is absent: only a few pairs are compared"))
    func golden() throws {
        try compare(GoldenMasks.folders[1])
    }

    private func compare(_ folder: URL) throws {
        let golden = try GoldenMasks.read(folder)
        #expect(!golden.cases.isEmpty)
        for golden in golden.cases {
            let comparison = try MaskComparison(
                prediction: golden.mask("prediction", in: folder),
                reference: golden.mask("reference", in: folder), spacing: golden.spacing)
            let scores = comparison.scores(tolerance: 2)
            func expect(_ found: Double, _ expected: Double, _ what: String) {
                #expect(
                    abs(found - expected) < 1e-6, "\(golden.name), \(what): \(found), \(expected)")
            }
            let counts = scores.counts
            #expect(counts.truePositives == golden.tp)
            #expect(counts.falsePositives == golden.fp)
            #expect(counts.falseNegatives == golden.fn)
            #expect(counts.trueNegatives == golden.tn)
            let authors = comparison.authorsScores()
            expect(authors.dice, golden.samus.dice, "authors' Dice")
            expect(authors.iou, golden.samus.iou, "authors' IoU")
            expect(authors.accuracy, golden.samus.accuracy, "authors' accuracy")
            expect(authors.sensitivity, golden.samus.sensitivity, "authors' sensitivity")
            expect(authors.specificity, golden.samus.specificity, "authors' specificity")
            expect(authors.samusHD, golden.samus.rowHausdorffManhattanBinary01, "authors' HD")
            expect(scores.samusHD, authors.samusHD, "samus_hd")
            if let shape = golden.referenceShape {
                let found = try #require(comparison.reference.shape())
                #expect(found.area == shape.areaPx)
                expect(found.centroidY, shape.centroidRowCol[0], "centroid's row")
                expect(found.centroidX, shape.centroidRowCol[1], "centroid's column")
                expect(found.majorAxis, shape.majorAxis, "major axis")
                expect(found.minorAxis, shape.minorAxis, "minor axis")
                expect(found.orientation, shape.orientation, "orientation")
                expect(found.perimeter, shape.perimeterCrofton, "perimeter")
                expect(found.maximumFeret, shape.feretMax, "Feret diameter")
            } else {
                #expect(comparison.reference.shape() == nil)
            }
            if let medpy = golden.medpy {
                expect(scores.dice, medpy.dc, "Dice")
                expect(scores.iou, medpy.jc, "IoU")
                expect(scores.hd, medpy.hd, "HD")
                expect(scores.hd95, medpy.hd95, "HD95")
                expect(scores.asd, medpy.asd, "ASD")
                expect(scores.assd, medpy.assd, "ASSD")
                #expect(comparison.hausdorff() == scores.hd)
            }
            if let other = golden.surfaceDistance {
                let pair = try #require(PaddedPair(comparison.prediction, comparison.reference))
                let lengths = LengthContours(pair, spacing: golden.spacing)
                expect(lengths.hausdorff, other.hd100, "HD by length")
                expect(scores.hd95Length, other.hd95, "HD95 by length")
                expect(scores.surfaceDice, other.nsdTol2, "surface Dice")
                expect(lengths.prediction.mean, other.asd[0], "mean by length, of the prediction")
                expect(lengths.reference.mean, other.asd[1], "mean by length, of the reference")
            }
        }
    }
}
