import Checkpoints
import Torch

extension StoredTensor {
    /// A tensor in memory, for writing; its elements are read when they are written.
    ///
    /// - Parameter tensor: must not change until then.
    public init(_ tensor: Tensor) {
        let tensor = tensor.detached()
        self.init(elementType: ElementType(tensor.dtype), shape: tensor.shape) { target in
            tensor.withUnsafeBytes { target.copyMemory(from: $0) }
        }
    }
}

extension ElementType {
    /// The same type, as a file has it.
    init(_ dtype: DType) {
        guard let type = ElementType.allCases.first(where: { DType($0) == dtype }) else {
            preconditionFailure("no file of ours holds \(dtype)")
        }
        self = type
    }
}
