import Testing
import Torch

/// Expects two tensors to have the same shape and type and nearly the same numbers.
///
/// Either bound alone is enough where both are given; integers and truth values must be equal.
/// Infinite numbers must be equal too, and "not a number" never passes.
///
/// - Parameters:
///   - found: what the code under test computed.
///   - expected: what it should be.
///   - absolute: the largest difference of one element.
///   - relativeL2: the length of the difference over the length of `expected`.
///   - note: what is compared, for the message.
///   - sourceLocation: where the expectation stands.
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
