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
    guard found.shape == expected.shape, found.dtype == expected.dtype else {
        Issue.record(
            "\(note): \(found) where \(expected) is expected", sourceLocation: sourceLocation)
        return
    }
    let difference = Difference(found, expected)
    let passes =
        found.dtype.isFloatingPoint
        ? difference.largest <= absolute || relativeL2.map { difference.relativeL2 <= $0 } ?? false
        : difference.largest == 0
    #expect(
        passes, "\(note): \(difference) over shape \(found.shape), allowed \(absolute)",
        sourceLocation: sourceLocation)
}

/// How far two tensors of one shape are apart.
struct Difference: CustomStringConvertible {
    let largest: Double
    let relativeL2: Double

    init(_ found: Tensor, _ expected: Tensor) {
        let pairs = zip(
            found.detached().to(.float64).elements(as: Double.self),
            expected.detached().to(.float64).elements(as: Double.self))
        var largest = 0.0
        var square = 0.0
        var scale = 0.0
        for (one, other) in pairs {
            // Two equal infinities have no difference; "not a number" is infinitely far away.
            let distance = one == other ? 0 : abs(one - other)
            largest = max(largest, distance.isNaN ? .infinity : distance)
            square += distance * distance
            scale += other * other
        }
        self.largest = largest
        relativeL2 = square == 0 ? 0 : (square / scale).squareRoot()
    }

    var description: String {
        "largest difference \(largest), relative L2 \(relativeL2)"
    }
}
