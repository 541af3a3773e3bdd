import Segmentation
import Torch

extension ToolGraph {
    /// The network's input made of a picture as it is.
    ///
    /// - Parameters:
    ///   - image: 0 to 255, RGB, `[H, W, 3]` of any type.
    ///   - network: which input it wants.
    /// - Returns: `[1, channels, side, side]`.
    mutating func prepared(whole image: String, for network: NetworkForm) -> String {
        let size = add("Shape", [image], [("end", .integer(2))])
        let values = cast(image, to: .float32)
        if network.preparation == .samus {
            let weights = constant(Tensor(Grey.weights, shape: [1, 1, 3]))
            let sum = weighted(values, by: weights, axis: 2, keeps: false)
            return stretched(add("Floor", [sum]), from: size, network.inputSize, rounds: true)
        }
        let planes = add("Transpose", [values], [("perm", .integers([2, 0, 1]))])
        let place = PlaceInSquare(of: size, in: network.inputSize, &self)
        let inside = cast(place.resized, to: .int64)
        let small = resized(
            add("Unsqueeze", [planes, integers([0])]), from: size, to: inside,
            rounds: network.preparation == .sam)
        let normal = network.preparation == .sam ? standardized(small) : spread(small)
        let room = add("Sub", [integers([network.inputSize, network.inputSize]), inside])
        let pads = add(
            "Concat", [integers([Int](repeating: 0, count: 6)), room], [("axis", .integer(0))])
        return shaped(add("Pad", [normal, pads]), channels: 3, network.inputSize)
    }

    /// SAMUS's input made of what X-AnyLabeling's `sam_med2d` gives.
    ///
    /// The tool resizes before the colours become grey, so that both come in the wrong order. Only
    /// the colour's part of the grey is rounded down: rounding all of an interpolated picture, or
    /// nothing of it, shifts its brightness by half a level, to which SAMUS reacts.
    ///
    /// - Parameters:
    ///   - image: normalized as SAM's input, `[1, 3, from, from]`.
    ///   - side: its height and width.
    ///   - network: which input it wants.
    /// - Returns: `[1, 1, side, side]`.
    mutating func prepared(
        square image: String, from side: Int, for network: NetworkForm
    ) -> String {
        let deviation = constant(Tensor(InputPreparation.deviation, shape: [1, 3, 1, 1]))
        let mean = constant(Tensor(InputPreparation.mean, shape: [1, 3, 1, 1]))
        let colours = add("Add", [add("Mul", [image, deviation]), mean])
        let red = slice(colours, 0..<1, axis: 1)
        let weights = constant(Tensor(Grey.weights, shape: [1, 3, 1, 1]))
        let part = weighted(add("Sub", [colours, red]), by: weights, axis: 1, keeps: true)
        // Above the error of the numbers' way through the normalization.
        let below = add("Floor", [add("Add", [part, number(0.001)])])
        return stretched(
            add("Add", [red, below]), from: integers([side, side]), network.inputSize,
            rounds: false)
    }

    /// The weights of red, green and blue in a grey, as `Image.grey` and OpenCV have them.
    private enum Grey {
        static let weights: [Float] = [9797, 19234, 3737]
        static let sum: Float = 32768
    }

    private mutating func weighted(
        _ colours: String, by weights: String, axis: Int, keeps: Bool
    ) -> String {
        let sum = add(
            "ReduceSum", [add("Mul", [colours, weights]), integers([axis])],
            [("keepdims", .integer(keeps ? 1 : 0))])
        return add("Div", [sum, number(Grey.sum)])
    }

    /// A grey picture stretched to a square, 255 becomes 1.
    private mutating func stretched(
        _ grey: String, from size: String, _ side: Int, rounds: Bool
    ) -> String {
        let square = resized(grey, from: size, to: integers([side, side]), rounds: rounds)
        return shaped(add("Div", [square, number(255)]), channels: 1, side)
    }

    private mutating func standardized(_ planes: String) -> String {
        let mean = constant(Tensor(InputPreparation.mean, shape: [1, 3, 1, 1]))
        let deviation = constant(Tensor(InputPreparation.deviation, shape: [1, 3, 1, 1]))
        return add("Div", [add("Sub", [planes, mean]), deviation])
    }

    /// The least value becomes 0, the largest 1.
    private mutating func spread(_ planes: String) -> String {
        let low = add("ReduceMin", [planes], [("keepdims", .integer(0))])
        let high = add("ReduceMax", [planes], [("keepdims", .integer(0))])
        let range = add("Max", [add("Sub", [high, low]), number(1e-8)])
        return add("Div", [add("Sub", [planes, low]), range])
    }

    /// Tells runtimes the shape, which they cannot follow through the resizing.
    private mutating func shaped(_ planes: String, channels: Int, _ side: Int) -> String {
        add("Reshape", [planes, integers([1, channels, side, side])])
    }
}
