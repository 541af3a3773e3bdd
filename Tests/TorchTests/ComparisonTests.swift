import TestSupport
import Testing
import Torch

@Suite("Comparison agrees with PyTorch")
struct ComparisonTests {
    static let cases: [OperatorCase] = [
        .two("greater") { $0 .> $1 },
        .one("greater-scalar") { $0 .> 1 },
        .two("less") { $0 .< $1 },
        .one("less-scalar") { $0 .< 0.5 },
        .two("equal") { $0 .== $1 },
        .one("equal-scalar") { $0 .== 1 },
        .one("differs-scalar") { $0 .!= 1 },
        .two("or") { $0 .| $1 },
        .two("and") { $0 .& $1 },
        .one("not") { $0.logicalNot() },
        .one("finite") { $0.isFinite() },
        .list("select") { Tensor.where($0[0], $0[1], $0[2]) },
        .two("masked-fill") { $0.maskedFill(where: $1, with: -2) },
    ]

    @Test("each operator gives PyTorch's results", arguments: cases)
    func agrees(operation: OperatorCase) throws {
        operation.expectAgreement(with: try Fixtures.comparison.get())
    }

    // Not in the fixture.
    @Test("NaN compares as in PyTorch")
    func bounds() {
        let x = Tensor([Float(1), 2, 3, .nan])
        let y = Tensor([Float(2), 2, 2, 2])
        #expect((x .>= 2).elements() == [false, true, true, false])
        #expect((x .>= y).elements() == [false, true, true, false])
        #expect((x .<= 2).elements() == [true, true, false, false])
        #expect((x .<= y).elements() == [true, true, false, false])
        #expect((x .!= y).elements() == [true, false, true, true])
    }

    @Test("every case of the fixture is tested")
    func complete() throws {
        #expect(try Fixtures.comparison.get().sections.sorted() == Self.cases.map(\.name).sorted())
    }
}
