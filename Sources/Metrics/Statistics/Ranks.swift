extension [Double] {
    /// Each number's place when sorted, from 1; equal numbers share the mean of their places.
    func ranks() -> (ranks: [Double], tieSizes: [Int]) {
        let order = indices.sorted { self[$0] < self[$1] }
        var ranks = [Double](repeating: 0, count: count)
        var tieSizes: [Int] = []
        var first = 0
        while first < count {
            var end = first + 1
            while end < count && self[order[end]] == self[order[first]] { end += 1 }
            for place in first..<end { ranks[order[place]] = Double(first + 1 + end) / 2 }
            tieSizes.append(end - first)
            first = end
        }
        return (ranks, tieSizes)
    }
}
