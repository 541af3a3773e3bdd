import TestSupport
import Testing
import Torch

@Suite("Shape operators agree with PyTorch, forward and backward")
struct ShapeTests {
    static let cases: [OperatorCase] = [
        .one("reshape") { $0.reshaped([4, -1]) },
        .one("permute") { $0.permuted([2, 0, 1]) },
        .one("transpose") { $0.transposed(-1, 0) },
        .one("flatten") { $0.flattened(from: 1) },
        .one("unsqueeze") { $0.unsqueezed(-1) },
        .one("squeeze") { $0.squeezed(1) },
        .one("expand") { $0.expanded([4, -1, 3]) },
        .one("repeat-elements") { $0.repeatedElements(3, axis: 1) },
        .several("split") { $0.split([1, 3], axis: -1) },
        .several("unbind") { $0.unbound(axis: 1) },
        .one("flip") { $0.flipped(axes: [0, 2]) },
        .one("pad") { $0.padded([1, 2, 0, 1], value: 0.5) },
        .one("pad-negative") { $0.padded([-1, 1]) },
        .one("roll") { $0.rolled(by: [1, -2], axes: [0, 2]) },
        .list("concatenate") { .concatenate($0, axis: -1) },
        .list("stack") { .stack($0, axis: 1) },
        .one("zeros-like") { $0.zerosLike() },
        .one("ones-like") { $0.onesLike() },
    ]

    @Test("each operator gives PyTorch's results and gradients", arguments: cases)
    func agrees(operation: OperatorCase) throws {
        operation.expectAgreement(with: try Fixtures.shape.get())
    }

    @Test("every case of the fixture is tested")
    func complete() throws {
        #expect(try Fixtures.shape.get().sections.sorted() == Self.cases.map(\.name).sorted())
    }
}
