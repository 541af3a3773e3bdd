import Synchronization
import Torch

/// Lists of indices as tensors, copied to each device once instead of in every step.
public enum IndexTensors {
    private struct Key: Hashable {
        let indices: [Int]
        let shape: [Int]
        let device: Device
    }

    /// Networks have a few lists for each image size; more means that sizes keep changing.
    private static let limit = 1_024
    private static let stored = Mutex<[Key: Tensor]>([:])

    /// The tensor of a list of indices.
    ///
    /// - Parameters:
    ///   - indices: the elements, int64.
    ///   - shape: the tensor's shape; nil for one axis.
    ///   - device: where the tensor is.
    /// - Returns: a tensor that others use too and that nobody may write to. While a trace is
    ///   recorded, it is a new one.
    public static func tensor(
        of indices: [Int], shape: [Int]? = nil, on device: Device
    ) -> Tensor {
        let shape = shape ?? [indices.count]
        let made = { Tensor(indices, shape: shape).to(device) }
        guard !Trace.isRecording else { return made() }
        let key = Key(indices: indices, shape: shape, device: device)
        return stored.withLock { stored in
            if let tensor = stored[key] { return tensor }
            if stored.count >= limit { stored.removeAll() }
            let tensor = made()
            stored[key] = tensor
            return tensor
        }
    }
}
