/// Dividing groups that must stay together.
enum Dealing {
    /// Deals groups out to test, val and train.
    ///
    /// In a random order each goes to test while that brings its number of pictures nearer to its
    /// share, then to val by the same rule, else to train. With three groups or more no split that
    /// has a share stays empty.
    ///
    /// - Parameters:
    ///   - sizes: pictures of each group.
    ///   - val: share of the pictures, 0 to 1.
    ///   - test: share of the pictures, 0 to 1; with `val` at most 1.
    ///   - random: of the order.
    /// - Returns: the split of each group.
    static func deal(
        _ sizes: [Int], val: Double, test: Double, using random: inout SampleRandom
    ) -> [Split] {
        let total = Double(sizes.reduce(0, +))
        var splits = [Split](repeating: .train, count: sizes.count)
        let order = sizes.indices.shuffled(using: &random)
        for (split, share) in [(Split.test, test), (.val, val)] where share > 0 {
            let wanted = share * total
            var count = 0.0
            let free = order.filter { splits[$0] == .train }
            for group in free {
                let more = count + Double(sizes[group])
                guard abs(more - wanted) < abs(count - wanted) else { continue }
                splits[group] = split
                count = more
            }
            if count == 0, sizes.count >= 3, let smallest = free.min(by: { sizes[$0] < sizes[$1] })
            {
                splits[smallest] = split
            }
        }
        // Train is not left empty where it has a share either.
        if val + test < 1, sizes.count >= 3, !splits.contains(.train),
            let group = order.first(where: { group in splits.count { $0 == splits[group] } > 1 })
        {
            splits[group] = .train
        }
        return splits
    }
}

/// Numbers joined into groups.
struct Groups {
    private var parents: [Int]

    /// Each number its own group.
    init(count: Int) {
        parents = Array(0..<count)
    }

    /// The number that stands for a group.
    mutating func root(_ member: Int) -> Int {
        var member = member
        while parents[member] != member {
            parents[member] = parents[parents[member]]
            member = parents[member]
        }
        return member
    }

    /// Makes two groups one.
    mutating func join(_ one: Int, _ other: Int) {
        let (first, second) = (root(one), root(other))
        parents[max(first, second)] = min(first, second)
    }
}
