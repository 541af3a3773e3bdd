/// Numbers and their shape, in the last axis's order.
public struct FloatTensor: Equatable, Sendable {
    /// The numbers.
    public var values: [Float]
    /// The length of each axis.
    public let shape: [Int]

    /// A tensor.
    ///
    /// - Parameters:
    ///   - values: as many as the shape has.
    ///   - shape: the length of each axis.
    public init(_ values: [Float], shape: [Int]) {
        precondition(values.count == shape.reduce(1, *), "\(values.count) numbers for \(shape)")
        self.values = values
        self.shape = shape
    }
}
