/// End diastole and end systole of a cine, from the area of the left ventricle in each frame.
public struct CardiacPhases: Equatable, Sendable {
    /// Index of the frame with the largest area.
    public let endDiastole: Int
    /// Index of the frame with the smallest area in the same beat.
    public let endSystole: Int
    /// Number of contractions in the cine: how often the area falls from the upper to the lower
    /// quarter of its range.
    public let contractions: Int

    /// Finds both frames.
    ///
    /// End diastole is the frame with the largest area. The beat of this frame ends, to both sides,
    /// where the area is back in the upper quarter of its range after it was in the lower quarter.
    /// End systole is the frame with the smallest area after end diastole in this beat; before it,
    /// where the cine ends too soon.
    ///
    /// - Parameter areas: area of each frame; nil where the ventricle is missing or cut. Two frames
    ///   must have an area.
    public init?(areas: [Double?]) {
        let known = areas.indices.filter { areas[$0] != nil }
        func area(_ index: Int) -> Double { areas[index] ?? 0 }
        guard known.count >= 2,
            let largest = known.max(by: { area($0) < area($1) }),
            let least = known.map(area).min()
        else { return nil }
        let range = area(largest) - least
        let (low, high) = (least + range / 4, area(largest) - range / 4)

        /// The smallest area of the beat to one side; nil where the area does not fall there.
        func systole(_ side: [Int]) -> Int? {
            var smallest: Int?
            for index in side {
                let value = area(index)
                if smallest != nil, value >= high { break }
                if value <= low, value < smallest.map(area) ?? .infinity { smallest = index }
            }
            return smallest
        }
        let after = systole(known.filter { $0 > largest })
        let before = systole(known.filter { $0 < largest }.reversed())
        guard let systole = after ?? before else { return nil }
        endDiastole = largest
        endSystole = systole

        var contractions = 0
        var isFilled = false
        for index in known {
            if area(index) >= high { isFilled = true }
            if isFilled, area(index) <= low {
                contractions += 1
                isFilled = false
            }
        }
        self.contractions = contractions
    }
}
