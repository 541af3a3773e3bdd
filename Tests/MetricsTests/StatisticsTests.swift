import Foundation
import MaskMetrics
import TestSupport
import Testing

@Suite("Statistics equal SciPy's and NumPy's")
struct StatisticsTests {
    private let expected: Expected

    init() throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        expected = try decoder.decode(
            Expected.self,
            from: Data(
                contentsOf: GoldenMasks.folders[0].appending(path: "statistics.json")))
    }

    @Test("mean, standard deviation and quartiles equal NumPy's")
    func summaries() throws {
        for expected in expected.summaries {
            let found = try Summary(expected.values)
            #expect(found.mean ≈ expected.mean)
            #expect(found.deviation ≈ expected.sd)
            #expect(found.median ≈ expected.median)
            #expect(found.lowerQuartile ≈ expected.q25)
            #expect(found.upperQuartile ≈ expected.q75)
            #expect(found.minimum == expected.min)
            #expect(found.maximum == expected.max)
        }
    }

    @Test("bootstrap intervals by case and by patient equal the reference")
    func bootstraps() throws {
        for expected in expected.bootstraps {
            let found = try Bootstrap(rounds: expected.rounds, seed: expected.seed)
                .mean(of: expected.values, clusters: expected.clusters)
            #expect(found.low ≈ expected.low)
            #expect(found.high ≈ expected.high)
        }
    }

    @Test("the Wilcoxon test equals SciPy's, exact and normal, with ties and zeros")
    func wilcoxons() throws {
        for expected in expected.wilcoxons {
            let found = try Wilcoxon(expected.first, expected.second)
            let note = Comment("\(expected.first.count) pairs")
            #expect(found.statistic ≈ expected.statistic, note)
            #expect(found.pValue ≈ expected.p, note)
            #expect(found.rankBiserial ≈ expected.rankBiserial, note)
            let differences = try Summary(zip(expected.first, expected.second).map(-))
            #expect(differences.mean ≈ expected.meanDifference, note)
            #expect(differences.median ≈ expected.medianDifference, note)
            #expect(differences.mean / differences.deviation ≈ expected.cohensDz, note)
        }
    }

    @Test("Friedman's test and Nemenyi's critical difference equal SciPy's, with ties")
    func rankings() throws {
        for expected in expected.rankings {
            let found = try RankComparison(
                expected.values, moreIsBetter: expected.moreIsBetter)
            let note = Comment("\(expected.values.count) blocks")
            for (rank, other) in zip(found.meanRanks, expected.meanRanks) {
                #expect(rank ≈ other, note)
            }
            // A statistic near 0 is the difference of larger numbers.
            #expect(abs(try #require(found.statistic) - expected.statistic) < 1e-9, note)
            #expect(abs(try #require(found.pValue) - expected.p) < 1e-9, note)
            #expect(abs(found.criticalDifference / expected.criticalDifference - 1) < 1e-7, note)
        }
    }

    @Test("Holm's correction equals the reference")
    func holm() {
        for expected in expected.holms {
            for (found, other) in zip(MultipleTests.holm(expected.p), expected.corrected) {
                #expect(found ≈ other)
            }
        }
        #expect(MultipleTests.holm([]) == [])
    }

    @Test("ranks need blocks of equal length; two systems have no Friedman test")
    func smallRankings() throws {
        #expect(throws: MetricsError.noCases) { try RankComparison([], moreIsBetter: true) }
        #expect(throws: MetricsError.self) {
            try RankComparison([[1, 2], [1]], moreIsBetter: true)
        }
        let two = try RankComparison([[1, 2], [3, 4]], moreIsBetter: true)
        #expect(two.statistic == nil && two.meanRanks == [2, 1])
        let equal = try RankComparison([[1, 1, 1]], moreIsBetter: false)
        #expect(equal.statistic == nil && equal.meanRanks == [2, 2, 2])
    }

    @Test("IoU calibration equals the reference, also with estimates outside 0...1")
    func calibrations() throws {
        for expected in expected.calibrations {
            let found = try IoUCalibration(estimates: expected.estimates, ious: expected.ious)
            #expect(found.bins.map(\.count) == expected.counts)
            #expect(found.expectedError ≈ expected.expectedError)
            #expect(found.largestError ≈ expected.largestError)
            #expect(found.bias ≈ expected.bias)
            #expect(try #require(found.pearson) ≈ expected.pearson)
            #expect(try #require(found.spearman) ≈ expected.spearman)
        }
    }

    @Test("one case, equal pairs and constant values give defined results")
    func smallest() throws {
        #expect(try Summary([3]).deviation == 0)
        let equal = try Wilcoxon([1, 2], [1, 2])
        #expect(equal.pValue == 1)
        #expect(equal.rankBiserial == 0)
        #expect(try Correlation.pearson([1, 1], [1, 2]) == nil)
    }

    @Test("empty, unpaired and non-finite values are refused")
    func refusals() {
        #expect(throws: MetricsError.noCases) { try Summary([]) }
        #expect(throws: MetricsError.notFinite(index: 1)) { try Summary([1, .nan]) }
        #expect(throws: MetricsError.countsDiffer(first: 1, second: 2)) {
            try Wilcoxon([1], [1, 2])
        }
        #expect(throws: MetricsError.countsDiffer(first: 2, second: 1)) {
            try Bootstrap().mean(of: [1, 2], clusters: ["a"])
        }
    }
}

private struct Expected: Decodable {
    struct Summary: Decodable {
        let values: [Double]
        let mean, sd, median, q25, q75, min, max: Double
    }
    struct Bootstrap: Decodable {
        let values: [Double]
        let clusters: [String]?
        let rounds: Int
        let seed: UInt64
        let low, high: Double
    }
    struct Wilcoxon: Decodable {
        let first, second: [Double]
        let statistic, p, rankBiserial, cohensDz, meanDifference, medianDifference: Double
    }
    struct Calibration: Decodable {
        let estimates, ious: [Double]
        let counts: [Int]
        let expectedError, largestError, bias, pearson, spearman: Double
    }
    struct Ranking: Decodable {
        let values: [[Double]]
        let moreIsBetter: Bool
        let meanRanks: [Double]
        let statistic, p, criticalDifference: Double
    }
    struct Holm: Decodable { let p, corrected: [Double] }
    let rankings: [Ranking]
    let holms: [Holm]
    let summaries: [Summary]
    let bootstraps: [Bootstrap]
    let wilcoxons: [Wilcoxon]
    let calibrations: [Calibration]
}

infix operator ≈ : ComparisonPrecedence

private func ≈ (found: Double, expected: Double) -> Bool {
    abs(found - expected) <= 1e-10 * max(1, abs(expected))
}
