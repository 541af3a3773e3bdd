import TestSupport
import Testing
import Torch

@Suite("Indexing agrees with PyTorch, forward and backward")
struct IndexingTests {
    static let cases: [OperatorCase] = [
        .one("first") { $0[0] },
        .one("last") { $0[-1] },
        .one("two") { $0[1, -2] },
        .one("range") { $0[1..<3] },
        .one("range-from") { $0[.all, 2...] },
        .one("range-from-negative") { $0[(-2)...] },
        .one("range-to") { $0[..<3] },
        .one("range-to-negative") { $0[.all, ..<(-2)] },
        .one("range-closed") { $0[1...3] },
        .one("range-beyond") { $0[2..<9] },
        .one("step") { $0[.all, Span(by: 2)] },
        .one("step-within") { $0[.all, .all, Span(from: 1, to: -1, by: 3)] },
        .one("all-then-range") { $0[.all, 1..<2, 3] },
        .one("new-axis") { $0[.all, .newAxis, 1] },
        .one("rest-then-last") { $0[.rest, -1] },
        .one("first-rest-last") { $0[0, .rest, .newAxis, 2] },
        .one("empty-rest") { $0[0, .rest, 1, 2] },
        .two("places") { $0[$1] },
        .two("places-second") { $0[.all, $1] },
        .two("places-grid") { $0[$1] },
        .two("places-grid-then-range") { $0[$1, 1..<3] },
        .list("places-paired") { $0[0][$0[1], $0[2]] },
        .list("places-apart") { $0[0][$0[1], .all, $0[2]] },
        .two("mask") { $0[$1] },
        .two("mask-two-axes") { $0[$1] },
        .two("mask-then-range") { $0[$1, 2..<4] },
        .two("mask-rest-last") { $0[$1, .rest, -1] },
        .two("index-select") { $0.indexed(by: $1, axis: -1) },
        .two("gather") { $0.gathered(at: $1, axis: 1) },
    ]

    @Test("each form of index gives PyTorch's results and gradients", arguments: cases)
    func agrees(operation: OperatorCase) throws {
        operation.expectAgreement(with: try Fixtures.indexing.get())
    }

    @Test("every case of the fixture is tested")
    func complete() throws {
        #expect(try Fixtures.indexing.get().sections.sorted() == Self.cases.map(\.name).sorted())
    }

    @Test("closed ranges may end at the last element by its negative index")
    func closedRangesFromTheEnd() {
        let x = Tensor([0, 1, 2, 3, 4])
        #expect(x[...(-1)].elements(as: Int.self) == [0, 1, 2, 3, 4])
        #expect(x[...(-2)].elements(as: Int.self) == [0, 1, 2, 3])
        #expect(x[(-3)...(-1)].elements(as: Int.self) == [2, 3, 4])
        #expect(x[...1].elements(as: Int.self) == [0, 1])
    }

    @Test("writing into a view changes its base")
    func viewsWriteThrough() {
        let x = Tensor.zeros([3, 4])
        x[1].assign(from: Tensor([Float(1), 2, 3, 4]))
        x[.all, Span(by: 3)].fill(with: 9)
        x[0, 1..<3].assign(from: Tensor(7))
        x.transposed(0, 1)[2, 2].fill(with: 5)
        #expect(x.floats() == [9, 7, 7, 9, 9, 2, 3, 9, 9, 0, 5, 9])
    }

    @Test("indexing with tensors copies")
    func placesCopy() {
        let x = Tensor.zeros([3])
        x[Tensor([0, 2])].fill(with: 1)
        x[Tensor([true, false, true])].fill(with: 1)
        #expect(x.floats() == [0, 0, 0])
    }

    #if compiler(>=6.2)
        @Test("`.rest` cannot occur twice")
        func twoRests() async {
            await expectWords(
                "an index can contain .rest only once",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    _ = Tensor.zeros([2, 3, 4])[.rest, 0, .rest]
                })
        }
    #endif
}
