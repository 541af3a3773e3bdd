import Evaluation
import Testing
import Datasets

@Suite("Figures over cases")
struct FiguresTests {
    @Test("mean, deviation and median")
    func figures() throws {
        let figures = try #require(Figures([4, 1, 2, 9], seed: 0))
        #expect(figures.mean == 4 && figures.median == 3 && figures.count == 4)
        #expect(abs(figures.deviation - 3.5590260840104371) < 1e-12)
        #expect(Figures([], seed: 0) == nil)
        #expect(try #require(Figures([7], seed: 0)).low == 7)
    }

    @Test("the bootstrap's interval is that of the mean, and the same for a seed")
    func bootstrap() throws {
        var random = SampleRandom(seed: 5)
        let values = (0..<400).map { _ in random.uniform(0..<1) }
        let figures = try #require(Figures(values, seed: 1))
        #expect(figures == Figures(values, seed: 1))
        // Normal theory: 1.96 deviations of the mean on each side, up to the draws' own noise.
        let half = 1.96 * figures.deviation / 20
        #expect(abs(figures.low - (figures.mean - half)) < 0.15 * half)
        #expect(abs(figures.high - (figures.mean + half)) < 0.15 * half)
    }

    @Test(
        "values of one cluster are drawn together: the interval of copies is that of the originals")
    func clusters() throws {
        let values = [0.1, 0.4, 0.5, 0.9, 0.7]
        let once = try #require(Figures(values, seed: 3))
        let twice = try #require(
            Figures(values + values, clusters: (values + values).map { "\($0)" }, seed: 3))
        #expect(abs(once.low - twice.low) < 1e-12 && abs(once.high - twice.high) < 1e-12)
        let apart = try #require(Figures(values + values, seed: 3))
        #expect(apart.high - apart.low < twice.high - twice.low)
    }
}
