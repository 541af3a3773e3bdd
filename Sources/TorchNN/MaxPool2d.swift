import Torch

/// The largest element under a window that moves by its own size, as a layer of a ``Sequential``.
public final class MaxPool2d: Module, Layer {
    let size: Int

    /// - Parameter size: height and width of the window.
    public init(_ size: Int) {
        self.size = size
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, C, H / size, W / size]`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        maxPool2d(x, size: size)
    }
}
