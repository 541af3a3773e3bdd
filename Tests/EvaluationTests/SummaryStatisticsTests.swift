import Datasets
import Evaluation
import Testing

@Suite("SummaryStatistics summarizes values and estimates the interval of their mean")
struct SummaryStatisticsTests {
    @Test("mean, sample standard deviation and median are those of the formulas")
    func statistics() throws {
        let statistics = try #require(SummaryStatistics([4, 1, 2, 9], seed: 0))
        #expect(statistics.mean == 4 && statistics.median == 3 && statistics.count == 4)
        #expect(abs(statistics.standardDeviation - 3.5590260840104371) < 1e-12)
        #expect(SummaryStatistics([], seed: 0) == nil)
        #expect(try #require(SummaryStatistics([7], seed: 0)).low == 7)
    }

    @Test("the bootstrap interval agrees with normal theory and is the same for a seed")
    func bootstrap() throws {
        var random = SampleRandom(seed: 5)
        let values = (0..<400).map { _ in random.uniform(0..<1) }
        let statistics = try #require(SummaryStatistics(values, seed: 1))
        #expect(statistics == SummaryStatistics(values, seed: 1))
        // In normal theory 1.96 standard errors on each side, up to sampling noise.
        let half = 1.96 * statistics.standardDeviation / 20
        #expect(abs(statistics.low - (statistics.mean - half)) < 0.15 * half)
        #expect(abs(statistics.high - (statistics.mean + half)) < 0.15 * half)
    }

    @Test(
        "values of one cluster are drawn together: the interval of copies is that of the originals")
    func clusters() throws {
        let values = [0.1, 0.4, 0.5, 0.9, 0.7]
        let once = try #require(SummaryStatistics(values, seed: 3))
        let twice = try #require(
            SummaryStatistics(values + values, clusters: (values + values).map { "\($0)" }, seed: 3)
        )
        #expect(abs(once.low - twice.low) < 1e-12 && abs(once.high - twice.high) < 1e-12)
        let apart = try #require(SummaryStatistics(values + values, seed: 3))
        #expect(apart.high - apart.low < twice.high - twice.low)
    }
}
