extension Collection<Double> {
    /// Arithmetic mean; not a number when there is none.
    var mean: Double { reduce(0, +) / Double(count) }

    /// A quantile, between neighbours in proportion, as NumPy computes it by default.
    func quantile(_ share: Double) -> Double { sorted().sortedQuantile(share) }
}

extension [Double] {
    /// A quantile of numbers that rise; there must be one.
    func sortedQuantile(_ share: Double) -> Double {
        let place = Double(count - 1) * share
        let low = Int(place)
        let (a, b) = (self[low], self[Swift.min(low + 1, count - 1)])
        let t = place - Double(low)
        return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t)
    }
}
