import Evaluation
import Testing
import Ultrasound

@Suite("Statistics over cases agree with SciPy 1.17")
struct StatisticsTests {
    @Test("signed ranks, exact")
    func exact() {
        let test = SignedRankTest([
            0.0242, -0.0172, 0.0188, 0.0478, -0.0338, 0.0017, -0.056, -0.0316, -0.0537, 0.0106,
            -0.0307, 0.0309,
        ])
        #expect(test.isExact)
        #expect(min(test.positive, test.negative) == 29)
        #expect(abs(test.probability - 0.4697265625) < 1e-12)
    }

    @Test("signed ranks with ties and a zero, by the normal approximation")
    func ties() {
        let test = SignedRankTest([0, 1, -1, 2, 2, -2, 2, 2, 1, 3])
        #expect(!test.isExact && test.count == 9)
        #expect(min(test.positive, test.negative) == 8)
        #expect(abs(test.probability - 0.07923197027281548) < 1e-12)
        #expect(abs(test.rankBiserial - (37.0 - 8) / 45) < 1e-12)
    }

    @Test("more than 50 differences, by the normal approximation")
    func many() {
        let test = SignedRankTest([
            0.457, 0.113, -2.217, -0.239, 0.251, 0.413, -1.23, -0.178, -0.679, -0.509, 1.361,
            -0.508, 0.267, 1.184, -0.284, 0.188, 0.41, 0.364, -0.925, 0.376, 1.659, -1.247, 1.159,
            0.419, -0.341, 2.3, 1.062, -0.899, 0.375, 0.877, 0.111, 0.983, 0.233, 0.967, 1.739,
            -0.376, 0.503, -0.163, 0.427, -0.887, -0.279, 0.104, 1.199, 1.445, -1.024, -0.495,
            0.947, -1.692, -0.163, 0.203, 1.557, 0.989, -0.027, -0.069, 0.05, 1.824, -0.128,
            -0.004, 0.653, 0.179,
        ])
        #expect(min(test.positive, test.negative) == 657.5)
        #expect(abs(test.probability - 0.05800956778027586) < 1e-12)
    }

    @Test("without differences neither is better")
    func equal() {
        let test = SignedRankTest([0, 0, 0])
        #expect(test.probability == 1 && test.rankBiserial == 0)
    }

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
}
