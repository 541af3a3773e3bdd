import Checkpoints
import Torch

/// Named tensors that a module can be filled from: a checkpoint, or values in memory.
public protocol TensorSource {
    /// The names it holds, in its order.
    var names: [String] { get }
    /// The shape of a tensor, nil when there is none of that name.
    func shape(of name: String) -> [Int]?
    /// Writes a tensor's elements into `target`, converted to its type.
    ///
    /// - Throws: `CheckpointError` when they cannot be read.
    func read(_ name: String, into target: Tensor) throws
}

/// Named values in memory.
public struct StateDictionary: TensorSource, Sendable {
    /// The names in order.
    public private(set) var names: [String] = []
    private var tensors: [String: Tensor] = [:]

    /// An empty dictionary.
    public init() {}

    /// The tensor of a name; setting a new name adds it at the end.
    public subscript(name: String) -> Tensor? {
        get { tensors[name] }
        set {
            if let newValue {
                if tensors.updateValue(newValue, forKey: name) == nil {
                    names.append(name)
                }
            } else if tensors.removeValue(forKey: name) != nil {
                names.removeAll { $0 == name }
            }
        }
    }

    /// The shape of a tensor, nil when there is none of that name.
    public func shape(of name: String) -> [Int]? {
        tensors[name]?.shape
    }

    /// Copies a tensor's elements.
    public func read(_ name: String, into target: Tensor) {
        guard let tensor = tensors[name] else { return }
        target.assign(from: tensor)
    }
}

extension Checkpoint: TensorSource {
    /// The shape of a tensor, nil when there is none of that name.
    public func shape(of name: String) -> [Int]? {
        self[name]?.shape
    }

    /// Reads a tensor's elements from the file.
    public func read(_ name: String, into target: Tensor) throws {
        guard let stored = self[name] else { return }
        let dtype = DType(stored.elementType)
        let direct = dtype == target.dtype && target.isContiguous && target.device == .cpu
        let buffer = direct ? target : .empty(stored.shape, dtype: dtype)
        try buffer.withUnsafeMutableBytes { try stored.copy(into: $0) }
        if !direct {
            target.assign(from: buffer)
        }
    }
}

extension DType {
    /// The same type, as a tensor in memory has it.
    public init(_ stored: ElementType) {
        self =
            switch stored {
            case .float64: .float64
            case .float32: .float32
            case .float16: .float16
            case .bfloat16: .bfloat16
            case .int64: .int64
            case .int32: .int32
            case .int16: .int16
            case .int8: .int8
            case .uint8: .uint8
            case .bool: .bool
            }
    }
}

extension Tensor {
    /// A copy of a tensor in a file.
    ///
    /// - Throws: `CheckpointError` when it cannot be read.
    public init(_ stored: StoredTensor) throws {
        self = .empty(stored.shape, dtype: DType(stored.elementType))
        try withUnsafeMutableBytes { try stored.copy(into: $0) }
    }
}
