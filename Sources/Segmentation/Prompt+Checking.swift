import Imaging

extension Prompt {
    /// A prompt that fits a picture, and what had to be put right; only ``Prompt/checked(for:allowingOnlyNegatives:)`` makes one.
    public struct Checked: Equatable, Sendable {
        /// The prompt, with corners in order and inside the picture.
        public let prompt: Prompt
        /// The picture's size.
        public let size: Size
        /// A sentence for each change.
        public let notes: [String]

        fileprivate init(_ prompt: Prompt, size: Size, notes: [String] = []) {
            self.prompt = prompt
            self.size = size
            self.notes = notes
        }
    }

    /// Checks the prompt against a picture.
    ///
    /// Corners of a box may be given in any order, and a box may reach over the edge: both are put
    /// right and said. All else that does not fit is refused.
    ///
    /// - Parameters:
    ///   - size: of the picture.
    ///   - allowingOnlyNegatives: whether clicks beside the object are enough, as in SAMUS's
    ///     training and test on pictures without it.
    /// - Returns: the prompt to use.
    /// - Throws: ``PromptError`` when it does not say which object in this picture is meant.
    public func checked(
        for size: Size, allowingOnlyNegatives: Bool = false
    ) throws(PromptError) -> Checked {
        guard !kinds.isEmpty else { throw .empty }
        guard allowingOnlyNegatives || !points.isEmpty || box != nil || mask != nil else {
            throw .onlyNegatives
        }
        for point in points + negatives {
            try Self.check(point, in: size)
        }
        if let mask {
            guard mask.size == size else {
                throw .maskOfOtherSize(mask: mask.size, picture: size)
            }
            guard mask.area > 0 else { throw .emptyMask }
        }
        guard let box else { return Checked(self, size: size) }
        let (fitted, notes) = try Self.fit(box, to: size)
        var result = self
        result.box = fitted
        return Checked(result, size: size, notes: notes)
    }

    private static func check(_ point: PixelPoint, in size: Size) throws(PromptError) {
        guard point.x.isFinite, point.y.isFinite else {
            throw .notANumber("a coordinate of the click \(point.text)")
        }
        // Pixel i reaches from i - 0.5 to i + 0.5.
        let columns = -0.5...(Double(size.width) - 0.5)
        let rows = -0.5...(Double(size.height) - 0.5)
        guard columns.contains(point.x), rows.contains(point.y) else {
            throw .pointOutside(point, size)
        }
    }

    private static func fit(
        _ box: PixelRectangle, to size: Size
    ) throws(PromptError) -> (PixelRectangle, [String]) {
        guard [box.x0, box.y0, box.x1, box.y1].allSatisfy(\.isFinite) else {
            throw .notANumber("a corner of the box \(box.text)")
        }
        var notes: [String] = []
        let ordered = PixelRectangle(
            x0: min(box.x0, box.x1), y0: min(box.y0, box.y1),
            x1: max(box.x0, box.x1), y1: max(box.y0, box.y1))
        if ordered != box {
            notes.append("the corners of the box \(box.text) were put in order: \(ordered.text)")
        }
        guard ordered.x0 < ordered.x1, ordered.y0 < ordered.y1 else { throw .boxWithoutArea(box) }
        let (width, height) = (Double(size.width), Double(size.height))
        guard ordered.x0 < width, ordered.y0 < height, ordered.x1 > 0, ordered.y1 > 0 else {
            throw .boxOutside(box, size)
        }
        let inside = PixelRectangle(
            x0: max(ordered.x0, 0), y0: max(ordered.y0, 0),
            x1: min(ordered.x1, width), y1: min(ordered.y1, height))
        if inside != ordered {
            notes.append(
                "the box \(ordered.text) reaches outside the picture of \(size) pixels "
                    + "and was cut to \(inside.text)")
        }
        return (inside, notes)
    }
}
