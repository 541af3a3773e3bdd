/// A mask's connected components, numbered from 1 in the order of their first pixels, row by row.
public struct ComponentLabels: Equatable, Sendable {
    /// Columns.
    public let width: Int
    /// Rows.
    public let height: Int
    /// 0 outside, else the component's number: `labels[y * width + x]`.
    public let labels: [Int32]
    /// Number of pixels of each component; the first is of component 1.
    public let areas: [Int]

    /// Cuts one component out.
    ///
    /// - Parameter component: its number, from 1.
    /// - Returns: a mask of the whole picture's size.
    public func mask(of component: Int) -> Mask {
        let number = Int32(component)
        return Mask(width: width, height: height, values: labels.map { $0 == number ? 1 : 0 })
    }
}

extension Mask {
    /// Numbers the connected components.
    ///
    /// - Parameter connectivity: whether pixels that touch at a corner belong together.
    /// - Returns: each pixel's component.
    public func labelled(connectivity: Connectivity = .eight) -> ComponentLabels {
        var labels = [Int32](repeating: 0, count: values.count)
        var areas: [Int] = []
        var pending: [Int] = []
        labels.withUnsafeMutableBufferPointer { labels in
            values.withUnsafeBufferPointer { values in
                for start in 0..<values.count where values[start] != 0 && labels[start] == 0 {
                    let label = Int32(areas.count + 1)
                    var area = 0
                    labels[start] = label
                    pending.append(start)
                    while let pixel = pending.popLast() {
                        area += 1
                        let (y, x) = pixel.quotientAndRemainder(dividingBy: width)
                        for row in max(y - 1, 0)...min(y + 1, height - 1) {
                            for column in max(x - 1, 0)...min(x + 1, width - 1) {
                                if connectivity == .four && row != y && column != x { continue }
                                let neighbour = row * width + column
                                guard values[neighbour] != 0 && labels[neighbour] == 0 else {
                                    continue
                                }
                                labels[neighbour] = label
                                pending.append(neighbour)
                            }
                        }
                    }
                    areas.append(area)
                }
            }
        }
        return ComponentLabels(width: width, height: height, labels: labels, areas: areas)
    }

    /// Splits into connected components.
    ///
    /// Each is a mask of full size; for masks with thousands of specks ``labelled(connectivity:)``
    /// takes less memory.
    ///
    /// - Parameter connectivity: whether pixels that touch at a corner belong together.
    /// - Returns: one mask a component, in the order of their first pixels, row by row.
    public func components(connectivity: Connectivity = .eight) -> [Mask] {
        let labels = labelled(connectivity: connectivity)
        return labels.areas.indices.map { labels.mask(of: $0 + 1) }
    }

    /// Keeps the component with the most pixels; of equals the first, row by row.
    ///
    /// - Parameter connectivity: whether pixels that touch at a corner belong together.
    /// - Returns: a mask of the same size; an empty one stays empty.
    public func largestComponent(connectivity: Connectivity = .eight) -> Mask {
        let labels = labelled(connectivity: connectivity)
        guard let largest = labels.areas.max(), let index = labels.areas.firstIndex(of: largest)
        else { return self }
        return labels.mask(of: index + 1)
    }
}
