import Imaging

extension Mask {
    /// Fills small holes, then removes small islands; pixels that touch at a corner belong
    /// together, in holes too.
    ///
    /// As in segment-anything, background at the picture's edge counts as a hole, and when all
    /// islands are small the largest stays.
    ///
    /// - Parameter area: regions with fewer pixels are small.
    /// - Returns: nil when there was none.
    func removingSmallRegions(below area: Int) -> Mask? {
        let filled = fillingSmallHoles(below: area)
        return (filled ?? self).removingSmallIslands(below: area) ?? filled
    }

    private func fillingSmallHoles(below area: Int) -> Mask? {
        let holes = Mask(width: width, height: height, values: values.map { 1 - $0 }).labelled()
        guard holes.areas.contains(where: { $0 < area }) else { return nil }
        return Mask(
            width: width, height: height,
            values: holes.labels.map { $0 == 0 || holes.areas[Int($0) - 1] < area ? 1 : 0 })
    }

    private func removingSmallIslands(below area: Int) -> Mask? {
        let islands = labelled()
        guard islands.areas.contains(where: { $0 < area }) else { return nil }
        guard islands.areas.contains(where: { $0 >= area }) else {
            return islands.mask(of: islands.largestAsOpenCV)
        }
        return Mask(
            width: width, height: height,
            values: islands.labels.map { $0 != 0 && islands.areas[Int($0) - 1] >= area ? 1 : 0 })
    }
}

extension ComponentLabels {
    /// The component with the most pixels; of equals the first in OpenCV's order.
    ///
    /// For 8 neighbours OpenCV numbers components by the first of the picture's blocks of 2x2
    /// pixels that they reach, not by their first pixel.
    fileprivate var largestAsOpenCV: Int {
        let largest = areas.max()
        var best = (block: Int.max, component: 1)
        for (index, label) in labels.enumerated() where label != 0 {
            guard areas[Int(label) - 1] == largest else { continue }
            let block = index / width / 2 * width + index % width / 2
            if block < best.block { best = (block, Int(label)) }
        }
        return best.component
    }
}
