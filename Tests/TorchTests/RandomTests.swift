import TestSupport
import Testing
import Torch

@Suite("Random numbers are PyTorch's for the same seed")
struct RandomTests {
    @Test("the first numbers of a generator are PyTorch's", arguments: [0, 1, 20_240_917])
    func draws(seed: Int) throws {
        let golden = try Fixtures.random.get().section("\(seed)")
        let stream = { Generator(seed: UInt64(seed)) }
        expectClose(.uniform([3, 7], generator: stream()), golden["uniform"], absolute: 0)
        expectClose(.normal([5], generator: stream()), golden["normal"])
        // From 16 numbers on, libtorch generates several at a time.
        expectClose(.normal([4, 25], generator: stream()), golden["normal-many"])
        expectClose(.integers(in: -5..<1000, [31], generator: stream()), golden["integers"])
        expectClose(.permutation(50, generator: stream()), golden["permutation"])
    }

    @Test("further numbers of a generator are PyTorch's", arguments: [0, 1, 20_240_917])
    func sequences(seed: Int) throws {
        let golden = try Fixtures.random.get().section("\(seed)")
        let one = Generator(seed: UInt64(seed))
        expectClose(.uniform([3], generator: one), golden["sequence.0"], absolute: 0)
        expectClose(.normal([20], generator: one), golden["sequence.1"])
    }

    @Test("without a seed two draws differ")
    func unseeded() {
        #expect(Tensor.uniform([8]).floats() != Tensor.uniform([8]).floats())
    }

    #if compiler(>=6.2)
        // In a separate process, because all tests share the default generator.
        @Test("the default generator can be seeded")
        func defaultGenerator() async {
            await #expect(processExitsWith: .success) {
                for seed in [0, 1, 20_240_917] {
                    Generator.seedDefault(UInt64(seed))
                    let golden = try Fixtures.random.get().section("\(seed)")
                    try #require(Tensor.uniform([6]).floats() == golden["default"].floats())
                }
            }
        }
    #endif
}
