import Imaging

/// Prompts of one form as arrays, for every decoder: libtorch, OpenVINO and training.
///
/// Prompts have the same form when they have equally many points, all or none have a box, and all
/// or none have a mask. ``Swift/Array/batchesOfOneForm(atMost:)`` groups prompts by form.
public struct PromptArrays: Equatable, Sendable {
    /// Number of prompts, B.
    public let count: Int
    /// Number of points of each prompt, P; may be 0.
    public let pointCount: Int
    /// Points (x, y) in pixels of the model's input, `[B, P, 2]`: foreground, then background.
    public let points: [Float]
    /// Label of each point, `[B, P]`: 1 foreground, 0 background.
    public let labels: [Float]
    /// Boxes (x0, y0, x1, y1) in pixels of the model's input, `[B, 4]`; empty without boxes.
    public let boxes: [Float]
    /// Mask prompts as logits, `[B, 1, S, S]`; empty without masks.
    public let masks: [Float]

    /// Encodes prompts in pixels of the image.
    ///
    /// - Parameters:
    ///   - prompts: prompts of one form, in pixels of the image.
    ///   - geometry: how the image is placed in the model's input.
    ///   - maskSide: height and width S of the mask logits that the decoder takes.
    public init(_ prompts: [Prompt], in geometry: InputGeometry, maskSide: Int) {
        self.init(
            inInputPixels: prompts.map(geometry.prepare),
            masks: prompts.flatMap { prompt in
                prompt.logits?.values
                    ?? prompt.mask.map { geometry.prepare($0, side: maskSide).values } ?? []
            })
    }

    /// Encodes prompts that are already in pixels of the model's input.
    ///
    /// - Parameters:
    ///   - prompts: prompts of one form; their masks are ignored.
    ///   - masks: mask prompts as logits, `[B, 1, S, S]`; empty for none.
    public init(inInputPixels prompts: [Prompt], masks: [Float] = []) {
        precondition(Set(prompts.map(\.form)).count <= 1, "prompts of one form")
        count = prompts.count
        pointCount = prompts.first?.form.points ?? 0
        points = prompts.flatMap { prompt in
            (prompt.foregroundPoints + prompt.backgroundPoints).flatMap {
                [Float($0.x), Float($0.y)]
            }
        }
        labels = prompts.flatMap { prompt in
            [Float](repeating: 1, count: prompt.foregroundPoints.count)
                + [Float](repeating: 0, count: prompt.backgroundPoints.count)
        }
        boxes = prompts.compactMap(\.box).flatMap {
            [$0.x0, $0.y0, $0.x1, $0.y1].map(Float.init)
        }
        self.masks = masks
    }
}

extension PromptArrays {
    /// Points and boxes as SAM's ONNX decoders take them.
    ///
    /// A box becomes two more points with labels 2 (upper left) and 3 (lower right). Without a box
    /// one padding point (0, 0) with label -1 follows the points, as in SAM.
    ///
    /// - Returns: `coordinates` `[B, Q, 2]`, `labels` `[B, Q]`, and `pointCount` Q.
    public func pointsWithCorners() -> (coordinates: [Float], labels: [Float], pointCount: Int) {
        var coordinates: [Float] = []
        var allLabels: [Float] = []
        for index in 0..<count {
            let first = index * pointCount
            coordinates += points[2 * first..<2 * (first + pointCount)]
            allLabels += labels[first..<first + pointCount]
            if !boxes.isEmpty {
                coordinates += boxes[4 * index..<4 * (index + 1)]
                allLabels += [2, 3]
            } else if pointCount > 0 {
                coordinates += [0, 0]
                allLabels.append(-1)
            }
        }
        return (coordinates, allLabels, count == 0 ? 0 : allLabels.count / count)
    }
}

extension Prompt {
    /// What prompts must have in common to be decoded in one pass.
    fileprivate struct Form: Hashable {
        let points: Int
        let hasBox: Bool
        let hasMask: Bool
    }

    fileprivate var form: Form {
        Form(
            points: clicks.count, hasBox: box != nil, hasMask: mask != nil || logits != nil)
    }
}

extension [Prompt] {
    /// Groups prompts that can be decoded in one pass.
    ///
    /// - Parameter limit: largest number of prompts in one pass.
    /// - Returns: indices into this array, group by group, ordered by each group's first index.
    public func batchesOfOneForm(atMost limit: Int = .max) -> [[Int]] {
        let forms = Dictionary(grouping: indices) { self[$0].form }
        var batches: [[Int]] = []
        for group in forms.values.sorted(by: { $0[0] < $1[0] }) {
            for start in stride(from: 0, to: group.count, by: limit) {
                batches.append([Int](group[start..<Swift.min(start + limit, group.count)]))
            }
        }
        return batches
    }
}

extension InputGeometry {
    /// Points and box of a prompt in pixels of the model's input; the mask is unchanged.
    fileprivate func prepare(_ prompt: Prompt) -> Prompt {
        var prepared = prompt
        for index in prepared.clicks.indices {
            prepared.clicks[index].point = prepare(prompt.clicks[index].point)
        }
        prepared.box = prompt.box.map(prepare)
        return prepared
    }
}
