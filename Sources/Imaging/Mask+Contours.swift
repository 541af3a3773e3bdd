extension Mask {
    /// Follows the edges between inside and outside.
    ///
    /// Nothing is smoothed or lost: filling the polygons gives the mask back. (OpenCV's
    /// `findContours` joins pixel *centres* instead, so that thin shapes lose their area.)
    ///
    /// - Parameter connectivity: whether pixels that touch at a corner share one contour, which
    ///   then passes through that corner twice.
    /// - Returns: one outer contour a component and one contour a hole, in the order of their
    ///   first upper edges, row by row.
    public func contours(connectivity: Connectivity = .eight) -> [Contour] {
        var seen = [Bool](repeating: false, count: values.count)
        var contours: [Contour] = []
        let grid = Grid(mask: self)
        for y in 0..<height {
            for x in 0..<width where grid.isUpperEdge(x, y) && !seen[y * width + x] {
                contours.append(
                    grid.follow(x: x, y: y, connectivity: connectivity) { x, y in
                        seen[y * width + x] = true
                    })
            }
        }
        return contours
    }
}

private enum Heading {
    case east, south, west, north

    var turnedLeft: Heading {
        switch self {
        case .east: .north
        case .south: .east
        case .west: .south
        case .north: .west
        }
    }

    var turnedRight: Heading {
        switch self {
        case .east: .south
        case .south: .west
        case .west: .north
        case .north: .east
        }
    }
}

private struct Grid {
    let mask: Mask

    func isInside(_ x: Int, _ y: Int) -> Bool {
        x >= 0 && y >= 0 && x < mask.width && y < mask.height
            && mask.values[y * mask.width + x] != 0
    }

    func isUpperEdge(_ x: Int, _ y: Int) -> Bool {
        isInside(x, y) && !isInside(x, y - 1)
    }

    /// The two pixels ahead of a corner.
    func ahead(_ x: Int, _ y: Int, _ heading: Heading) -> (left: Bool, right: Bool) {
        switch heading {
        case .east: (isInside(x, y - 1), isInside(x, y))
        case .south: (isInside(x, y), isInside(x - 1, y))
        case .west: (isInside(x - 1, y), isInside(x - 1, y - 1))
        case .north: (isInside(x - 1, y - 1), isInside(x, y - 1))
        }
    }

    /// Walks with the inside on the right, from the upper edge of a pixel until back there.
    ///
    /// Every closed walk has a side to the east, and such a side is some pixel's upper edge:
    /// marking these is enough to find each contour once.
    func follow(
        x startX: Int, y startY: Int, connectivity: Connectivity, passing: (Int, Int) -> Void
    ) -> Contour {
        var corners: [PixelCorner] = []
        var (x, y, heading) = (startX, startY, Heading.east)
        repeat {
            switch heading {
            case .east:
                passing(x, y)
                x += 1
            case .south: y += 1
            case .west: x -= 1
            case .north: y -= 1
            }
            let next = self.next(heading, ahead: ahead(x, y, heading), connectivity)
            if next != heading { corners.append(PixelCorner(x: x, y: y)) }
            heading = next
        } while (x, y) != (startX, startY) || heading != .east
        return Contour(corners: corners)
    }

    private func next(
        _ heading: Heading, ahead: (left: Bool, right: Bool), _ connectivity: Connectivity
    ) -> Heading {
        switch ahead {
        case (true, true): heading.turnedLeft
        case (false, true): heading
        case (false, false): heading.turnedRight
        // The mask touches itself at this corner.
        case (true, false): connectivity == .eight ? heading.turnedLeft : heading.turnedRight
        }
    }
}
