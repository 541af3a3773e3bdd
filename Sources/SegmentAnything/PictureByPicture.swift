import Torch

/// Encodes pictures one after the other where that is at least as fast as together: without
/// gradients on the CPU, where the activations of one picture stay in the cache, those of many do
/// not, and memory is that of one.
///
/// - Parameters:
///   - pictures: `[B, C, S, S]`.
///   - encode: from a batch of any size to as many embeddings.
/// - Returns: the embeddings of all.
public func pictureByPicture(_ pictures: Tensor, _ encode: (Tensor) -> Tensor) -> Tensor {
    guard pictures.size(0) > 1, !isGradEnabled, pictures.device.kind == .cpu, !Trace.isRecording
    else {
        return encode(pictures)
    }
    return .concatenate((0..<pictures.size(0)).map { encode(pictures[$0..<($0 + 1)]) })
}
