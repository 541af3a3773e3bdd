import TestSupport
import Testing
import Torch

@Suite("Reductions and sorting agree with PyTorch, forward and backward")
struct ReductionTests {
    static let cases: [OperatorCase] = [
        .one("sum") { $0.sum() },
        .one("sum-axes") { $0.sum(axes: [0, -1]) },
        .one("sum-keeping") { $0.sum(axes: [1], keepingAxes: true) },
        .one("sum-integers") { $0.sum() },
        .one("mean") { $0.mean() },
        .one("mean-axes") { $0.mean(axes: [0, -1]) },
        .one("mean-keeping") { $0.mean(axes: [1], keepingAxes: true) },
        .one("max") { $0.max() },
        .one("min") { $0.min() },
        .one("max-axes") { $0.max(axes: [0, 2]) },
        .one("min-axes") { $0.min(axes: [1], keepingAxes: true) },
        .one("argmax") { $0.argmax(axis: -1) },
        .one("argmax-keeping") { $0.argmax(axis: 1, keepingAxis: true) },
        .one("any") { $0.any() },
        .one("all") { $0.all() },
        .one("softmax") { $0.softmax(axis: 1) },
        .one("log-softmax") { $0.logSoftmax(axis: -1) },
        .one("cumulative-sum") { $0.cumulativeSum(axis: 1) },
        .several("sort") { pair($0.sorted(axis: -1)) },
        .several("sort-descending") { pair($0.sorted(axis: 0, descending: true)) },
        .several("largest") { pair($0.topK(2, axis: -1)) },
    ]

    @Test("each operator gives PyTorch's results and gradients", arguments: cases)
    func agrees(operation: OperatorCase) throws {
        operation.expectAgreement(with: try Fixtures.reduction.get())
    }

    @Test("every case of the fixture is tested")
    func complete() throws {
        #expect(try Fixtures.reduction.get().sections.sorted() == Self.cases.map(\.name).sorted())
    }

    private static func pair(_ found: (values: Tensor, indices: Tensor)) -> [Tensor] {
        [found.values, found.indices]
    }
}
