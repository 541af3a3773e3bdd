import Checkpoints
import Torch

/// Named tensors that a module can be filled from: a checkpoint, or values in memory.
public protocol TensorSource {
    /// The names it holds, in its order.
    var names: [String] { get }
    /// The shape of a tensor, nil when there is none of that name.
    func shape(of name: String) -> [Int]?
    /// The type of a tensor's elements, nil when there is none of that name.
    func dtype(of name: String) -> DType?
    /// Writes the elements of a tensor that is there into `target`, converted to its type.
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

    /// The type of a tensor's elements, nil when there is none of that name.
    public func dtype(of name: String) -> DType? {
        tensors[name]?.dtype
    }

    /// Copies a tensor's elements.
    public func read(_ name: String, into target: Tensor) {
        guard let tensor = tensors[name] else { preconditionFailure("there is no '\(name)'") }
        target.assign(from: tensor)
    }
}

extension Checkpoint: TensorSource {
    /// The shape of a tensor, nil when there is none of that name.
    public func shape(of name: String) -> [Int]? {
        self[name]?.shape
    }

    /// The type of a tensor's elements, nil when there is none of that name.
    public func dtype(of name: String) -> DType? {
        self[name].map { DType($0.elementType) }
    }

    /// Reads a tensor's elements from the file.
    public func read(_ name: String, into target: Tensor) throws {
        guard let stored = self[name] else { preconditionFailure("there is no '\(name)'") }
        if DType(stored.elementType) == target.dtype && target.dtype != .bool
            && target.isContiguous && target.device.kind == .cpu
        {
            try target.withUnsafeMutableBytes { try stored.copy(into: $0) }
        } else {
            target.assign(from: try Tensor(stored))
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
        // A byte of a file may be any number, a truth value in memory only 0 or 1.
        let isBool = stored.elementType == .bool
        let bytes = Tensor.empty(
            stored.shape, dtype: isBool ? .uint8 : DType(stored.elementType))
        try bytes.withUnsafeMutableBytes { try stored.copy(into: $0) }
        self = isBool ? bytes .!= 0 : bytes
    }
}
