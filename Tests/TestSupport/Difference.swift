import Torch

/// The difference of two tensors.
public struct Difference: CustomStringConvertible {
    /// The largest difference of one element; infinite where shape or type differ.
    public let largest: Double
    /// The L2 norm of the difference over the L2 norm of the expected tensor.
    public let relativeL2: Double
    /// A description of both tensors.
    private let title: String
    private let isExact: Bool

    /// Compares two tensors element by element.
    public init(_ found: Tensor, _ expected: Tensor) {
        title = "\(found) where \(expected) is expected"
        isExact = !expected.dtype.isFloatingPoint
        guard found.shape == expected.shape, found.dtype == expected.dtype else {
            largest = .infinity
            relativeL2 = .infinity
            return
        }
        let pairs = zip(
            found.detached().to(.float64).elements(as: Double.self),
            expected.detached().to(.float64).elements(as: Double.self))
        var largest = 0.0
        var square = 0.0
        var scale = 0.0
        for (one, other) in pairs {
            // Equal infinities have difference 0; the difference of NaN is infinite.
            let distance = one == other ? 0 : abs(one - other)
            largest = max(largest, distance.isNaN ? .infinity : distance)
            square += distance * distance
            scale += other * other
        }
        self.largest = largest
        relativeL2 = square == 0 ? 0 : (square / scale).squareRoot()
    }

    /// Whether either bound holds; integers and booleans must be equal.
    public func isWithin(absolute: Double, relativeL2: Double? = nil) -> Bool {
        isExact
            ? largest == 0
            : largest <= absolute || relativeL2.map { self.relativeL2 <= $0 } ?? false
    }

    /// The differences and the descriptions of both tensors.
    public var description: String {
        "\(title): largest difference \(largest), relative L2 \(relativeL2)"
    }
}
