import Testing
import Torch

/// Expects two tensors to have equal shapes and types, and nearly equal elements.
///
/// If both bounds are given, one of them is sufficient. Integers, booleans and infinite numbers
/// must be equal, and NaN never passes.
///
/// - Parameters:
///   - found: the result of the code under test.
///   - expected: the expected result.
///   - absolute: the largest difference of one element.
///   - relativeL2: the largest L2 norm of the difference over that of `expected`.
///   - note: description for the message.
///   - sourceLocation: the location of the expectation.
public func expectClose(
    _ found: Tensor, _ expected: Tensor, absolute: Double = 2e-6, relativeL2: Double? = nil,
    _ note: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
    let difference = Difference(found, expected)
    #expect(
        difference.isWithin(absolute: absolute, relativeL2: relativeL2),
        "\(note): \(difference), allowed \(absolute)\(relativeL2.map { " or \($0)" } ?? "")",
        sourceLocation: sourceLocation)
}
