import TestSupport
import Testing
import Torch

@Suite("Differences that expectClose reports")
struct DifferenceTests {
    static let wrong: [(String, Tensor, Tensor)] = [
        ("number", Tensor([Float(1), 2]), Tensor([Float(1), 2.1])),
        ("not a number", Tensor([Float.nan]), Tensor([Float.nan])),
        ("infinity", Tensor([Float.infinity]), Tensor([Float(1)])),
        ("shape", Tensor([Float(1)]), Tensor(Float(1))),
        ("type", Tensor([Float(1)]), Tensor([1.0])),
        ("integers", Tensor([1, 2]), Tensor([1, 3])),
    ]

    @Test("expectClose reports differences that are too large", arguments: wrong)
    func fails(name: String, found: Tensor, expected: Tensor) {
        #expect(!Difference(found, expected).isWithin(absolute: 0.01, relativeL2: 0.01), "\(name)")
    }

    @Test("expectClose accepts differences within either bound")
    func passes() {
        let difference = Difference(Tensor([Float(1000), 1]), Tensor([Float(1000), 1.01]))
        #expect(difference.isWithin(absolute: 0.011))
        #expect(difference.isWithin(absolute: 0, relativeL2: 2e-5))
        #expect(!difference.isWithin(absolute: 0, relativeL2: 1e-6))
        #expect(!difference.isWithin(absolute: 0))
        let infinite = Difference(Tensor([Float.infinity]), Tensor([Float.infinity]))
        #expect(infinite.isWithin(absolute: 0))
    }
}

@Suite("Golden and Shared")
struct GoldenTests {
    @Test("fixtures name the PyTorch version and seed that made them")
    func metadata() throws {
        let golden = try Golden("torch/arithmetic")
        #expect(golden.metadata["seed"] == "20240917")
        #expect(golden.metadata["torch"]?.hasPrefix("2.") == true)
        #expect(golden.section("add").list("input").count == 2)
    }

    @Test("a missing fixture throws")
    func absent() {
        #expect(throws: (any Error).self) { try Golden("torch/no-such-fixture") }
    }

    @Test(
        "the shared folder is next to the package",
        .enabled(if: Shared.isPresent, "../shared is absent"))
    func shared() {
        #expect(Shared.folder.lastPathComponent == "shared")
    }
}
