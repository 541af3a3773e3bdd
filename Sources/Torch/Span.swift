/// Elements at even steps: PyTorch's `from:to:by`.
public struct Span: TensorIndex {
    let start: Int?
    let end: Int?
    let step: Int

    /// Elements at even steps; nil means from the first or to the last, negative counts from the end.
    public init(from start: Int? = nil, to end: Int? = nil, by step: Int = 1) {
        self.start = start
        self.end = end
        self.step = step
    }

    /// One axis.
    public var axisCount: Int { 1 }

    /// Takes the elements.
    public func take(from selection: inout IndexSelection) {
        selection.take(from: start, to: end, by: step)
    }
}

/// A range of places along an axis.
public protocol PlaceRange: TensorIndex {
    /// The same as a span.
    var span: Span { get }
}

extension PlaceRange {
    /// One axis.
    public var axisCount: Int { 1 }

    /// Neighbouring elements.
    public func take(from selection: inout IndexSelection) {
        span.take(from: &selection)
    }
}

extension Range<Int>: PlaceRange, TensorIndex {
    /// From the first place up to the last, without it.
    public var span: Span { Span(from: lowerBound, to: upperBound) }
}

extension ClosedRange<Int>: PlaceRange, TensorIndex {
    /// From the first place to the last.
    public var span: Span { Span(from: lowerBound, to: upperBound == -1 ? nil : upperBound + 1) }
}

extension PartialRangeFrom<Int>: PlaceRange, TensorIndex {
    /// From a place on; negative counts from the end.
    public var span: Span { Span(from: lowerBound) }
}

extension PartialRangeUpTo<Int>: PlaceRange, TensorIndex {
    /// Up to a place, without it; negative counts from the end.
    public var span: Span { Span(to: upperBound) }
}

extension PartialRangeThrough<Int>: PlaceRange, TensorIndex {
    /// Up to a place and with it; negative counts from the end.
    public var span: Span { Span(to: upperBound == -1 ? nil : upperBound + 1) }
}
