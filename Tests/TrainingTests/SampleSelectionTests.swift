import Datasets
import TestSupport
import Testing

@testable import Training

@Suite("The datasets and classes of a training")
struct SampleSelectionTests {
    private func selected(_ sets: String?) throws -> Set<String> {
        var configuration = TrainingConfiguration()
        configuration.data = Shared.package.appending(path: "Tests/Fixtures/study").path
        configuration.sets = sets
        let selection = try SampleSelection(configuration)
        return Set((selection.train + selection.validation).map { "\($0.dataset)#\($0.label)" })
    }

    @Test("--sets takes datasets and classes, and leaves them out with - in front")
    func sets() throws {
        #expect(try selected(nil) == ["Disc#1", "Ring#1", "Ring#2"])
        #expect(try selected("Ring") == ["Ring#1", "Ring#2"])
        #expect(try selected("Ring#2") == ["Ring#2"])
        #expect(try selected("Ring#2,Disc,Ring#1") == ["Disc#1", "Ring#1", "Ring#2"])
        #expect(try selected("-Ring") == ["Disc#1"])
        #expect(try selected("-Ring#1") == ["Disc#1", "Ring#2"])
    }

    @Test(
        "what the data do not have is refused",
        arguments: [
            "Square", "Ring#3", "Ring#0", "Ring#x", "Ring#1#2", "-Disc,Square", "-Disc,Ring",
        ])
    func unknown(sets: String) {
        #expect(throws: DatasetError.self) { try selected(sets) }
    }
}
