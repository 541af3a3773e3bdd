import TestSupport
import Testing
import Torch

@Suite("Arithmetic agrees with PyTorch, forward and backward")
struct ArithmeticTests {
    static let cases: [OperatorCase] = [
        .two("add") { $0 + $1 },
        .one("add-scalar") { $0 + 2.5 },
        .one("scalar-add") { 2 + $0 },
        .one("add-int-to-integers") { $0 + 3 },
        .one("add-float-to-integers") { $0 + 1.5 },
        .two("add-mixed-types") { $0 + $1 },
        .two("add-doubles") { $0 + $1 },
        .two("subtract") { $0 - $1 },
        .one("subtract-scalar") { $0 - 2.5 },
        .one("scalar-subtract") { 2.5 - $0 },
        .two("multiply") { $0 * $1 },
        .one("multiply-scalar") { $0 * 3 },
        .one("scalar-multiply") { 0.5 * $0 },
        .two("divide") { $0 / $1 },
        .one("divide-scalar") { $0 / 3 },
        .one("scalar-divide") { 3 / $0 },
        .two("divide-integers") { $0 / $1 },
        .one("negate") { -$0 },
        .one("reciprocal") { $0.reciprocal() },
        .one("power") { $0.pow(2.5) },
        .one("square") { $0.pow(2) },
        .one("square-root") { $0.squareRoot() },
        .one("reciprocal-square-root") { $0.reciprocalSquareRoot() },
        .one("exp") { $0.exp() },
        .one("log") { $0.log() },
        .one("sin") { $0.sin() },
        .one("cos") { $0.cos() },
        .one("tanh") { $0.tanh() },
        .one("abs") { $0.abs() },
        .one("clamp") { $0.clamped(from: -0.5, to: 0.75) },
        .one("clamp-below") { $0.clamped(from: -0.5) },
        .one("clamp-above") { $0.clamped(to: 0.75) },
        .two("maximum") { $0.maximum($1) },
        .two("minimum") { $0.minimum($1) },
        .two("matmul") { $0.matmul($1) },
        .two("matmul-vector") { $0.matmul($1) },
        .two("matmul-broadcast") { $0.matmul($1) },
    ]

    @Test("each operator gives PyTorch's results and gradients", arguments: cases)
    func agrees(operation: OperatorCase) throws {
        operation.expectAgreement(with: try Fixtures.arithmetic.get())
    }

    @Test("integers stay exact in expressions with whole numbers")
    func integers() {
        let large = 1 << 53 + 1
        let x = Tensor([large, -3])
        #expect(x.clamped(from: 0).elements(as: Int.self) == [large, 0])
        #expect(x.clamped(to: large - 1).elements(as: Int.self) == [large - 1, -3])
        #expect(x.clamped(from: -0.5).dtype == .float32)
        #expect(
            Tensor([94_906_267, -3]).pow(2).elements(as: Int.self) == [9_007_199_515_875_289, 9])
        #expect(x.pow(0.5).dtype == .float32)
    }

    @Test("every case of the fixture is tested")
    func complete() throws {
        #expect(try Fixtures.arithmetic.get().sections.sorted() == Self.cases.map(\.name).sorted())
    }
}
