import TestSupport
import Testing
import Torch

@Suite("Losses agree with PyTorch, forward and backward")
struct LossTests {
    static let cases: [OperatorCase] = [
        .two("bce") { binaryCrossEntropy(logits: $0, targets: $1) },
        .list("bce-weighted") {
            binaryCrossEntropy(logits: $0[0], targets: $0[1], positiveWeight: $0[2].detached())
        },
        .two("bce-each") { binaryCrossEntropy(logits: $0, targets: $1, reduction: .none) },
        .two("bce-sum") { binaryCrossEntropy(logits: $0, targets: $1, reduction: .sum) },
        .two("cross-entropy") { crossEntropy(logits: $0, classes: $1) },
        .list("cross-entropy-weighted") {
            crossEntropy(logits: $0[0], classes: $0[1], weight: $0[2].detached(), ignoring: -100)
        },
        .two("mean-square") { meanSquaredError($0, $1) },
        .two("mean-square-each") { meanSquaredError($0, $1, reduction: .none) },
    ]

    @Test("each loss gives PyTorch's values and gradients", arguments: cases)
    func agrees(operation: OperatorCase) throws {
        operation.expectAgreement(with: try Fixtures.losses.get())
    }

    @Test("every case of the fixture is tested")
    func complete() throws {
        #expect(try Fixtures.losses.get().sections.sorted() == Self.cases.map(\.name).sorted())
    }
}
