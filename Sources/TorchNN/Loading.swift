import Checkpoints
import Torch

extension Module {
    /// Compares the names, shapes and types of tensors with those of this module.
    ///
    /// - Parameter source: a checkpoint or a state dictionary.
    /// - Returns: all differences; nil when ``load(_:)`` would accept the tensors.
    public func difference(from source: some TensorSource) -> ModuleLoadError? {
        let values = namedValues()
        let known = Set(values.map(\.name))
        let error = ModuleLoadError(
            missing: values.map(\.name).filter { source.shape(of: $0) == nil },
            unexpected: source.names.filter { !known.contains($0) },
            shapeMismatches: values.compactMap { name, value in
                guard let found = source.shape(of: name), found != value.value.shape
                else { return nil }
                return .init(name: name, expected: value.value.shape, found: found)
            },
            typeMismatches: values.compactMap { name, value in
                let expected = value.value.dtype
                guard let found = source.dtype(of: name), found != expected,
                    !(found.isFloatingPoint && expected.isFloatingPoint)
                else { return nil }
                return .init(name: name, expected: expected, found: found)
            })
        return error.isEmpty ? nil : error
    }

    /// Loads all parameters and buffers.
    ///
    /// Strict: all names, shapes and types must agree, except that floating-point types are
    /// converted to the module's. If anything differs, the module is not changed.
    ///
    /// - Parameter source: a checkpoint or a state dictionary.
    /// - Throws: ``ModuleLoadError`` with all differences, or the reader's error.
    public func load(_ source: some TensorSource) throws {
        if let error = difference(from: source) { throw error }
        let values = namedValues()
        // All are read before any is replaced. Memory that was never written to is not allocated,
        // so weights made with `Initialization.skipped` are in memory only once. Loading is not
        // recorded by autograd.
        let loaded = try withoutGrad {
            try values.map { name, value in
                let new = value.value.emptyLike()
                try source.read(name, into: new)
                return new
            }
        }
        for (target, new) in zip(values, loaded) {
            new.requiringGrad(target.value.value.requiresGrad)
            target.value.value = new
        }
    }

    /// A copy of all parameters and buffers, by name.
    public func stateDictionary() -> StateDictionary {
        namedValues().reduce(into: StateDictionary()) { result, entry in
            result[entry.name] = entry.value.value.detached().clone()
        }
    }
}

/// All differences between a checkpoint and a module.
public struct ModuleLoadError: Error, Equatable, Sendable {
    /// A tensor whose shape differs from the module's.
    public struct ShapeMismatch: Equatable, Sendable {
        /// Its name.
        public let name: String
        /// The shape the module needs.
        public let expected: [Int]
        /// The shape the checkpoint has.
        public let found: [Int]
    }

    /// A tensor whose type cannot be converted to the module's.
    public struct TypeMismatch: Equatable, Sendable {
        /// Its name.
        public let name: String
        /// The type the module needs.
        public let expected: DType
        /// The type the checkpoint has.
        public let found: DType
    }

    /// Names that the module needs and the checkpoint lacks.
    public let missing: [String]
    /// Names of the checkpoint that the module does not have.
    public let unexpected: [String]
    /// Tensors whose shapes differ.
    public let shapeMismatches: [ShapeMismatch]
    /// Tensors whose types cannot be converted to the module's, such as integers for weights.
    public let typeMismatches: [TypeMismatch]

    var isEmpty: Bool {
        missing.isEmpty && unexpected.isEmpty && shapeMismatches.isEmpty && typeMismatches.isEmpty
    }
}

extension ModuleLoadError {
    /// The differences without those that are allowed.
    ///
    /// - Parameter isAllowed: whether the tensor of this name may differ.
    /// - Returns: the remaining differences; nil when there are none.
    public func leavingOut(_ isAllowed: (String) -> Bool) -> ModuleLoadError? {
        let rest = ModuleLoadError(
            missing: missing.filter { !isAllowed($0) },
            unexpected: unexpected.filter { !isAllowed($0) },
            shapeMismatches: shapeMismatches.filter { !isAllowed($0.name) },
            typeMismatches: typeMismatches.filter { !isAllowed($0.name) })
        return rest.isEmpty ? nil : rest
    }
}

extension ModuleLoadError: CustomStringConvertible {
    /// All differences, one sentence each, in the order of the module; unexpected names in the
    /// order of the checkpoint.
    public var differences: [String] {
        let lines =
            missing.map { "missing: '\($0)'" }
            + unexpected.map { "unexpected: '\($0)'" }
            + shapeMismatches.map {
                "'\($0.name)' has shape \($0.found), the model needs \($0.expected)"
            }
            + typeMismatches.map {
                "'\($0.name)' is of type \($0.found), the model needs \($0.expected)"
            }
        // Names come from the file and must not add lines to the message.
        return lines.map { line in
            line.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
                .map { String($0) }.joined(separator: "\\n")
        }
    }

    /// The number of differences of each kind, then the first ten, one on each line.
    public var description: String {
        let shown = differences.prefix(10)
        let rest = differences.count - shown.count
        let lines = shown + (rest > 0 ? ["… and \(rest) more"] : [])
        return """
            the weights do not fit the model: \(missing.count) missing, \
            \(unexpected.count) unexpected, \(shapeMismatches.count) of another shape, \
            \(typeMismatches.count) of another type
            """ + lines.map { "\n  \($0)" }.joined()
    }
}

/// Named tensors that a module can load: a checkpoint, or tensors in memory.
public protocol TensorSource {
    /// The names of all tensors, in order.
    var names: [String] { get }
    /// The shape of a tensor, nil when there is none of that name.
    func shape(of name: String) -> [Int]?
    /// The type of a tensor's elements, nil when there is none of that name.
    func dtype(of name: String) -> DType?
    /// Copies the elements of an existing tensor into `target`, converted to its type.
    ///
    /// - Throws: `CheckpointError` when the elements cannot be read.
    func read(_ name: String, into target: Tensor) throws
}

/// Named tensors in memory, like PyTorch's state dict.
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
        // Bytes in the file may have any value; booleans in memory must be 0 or 1.
        let isBool = stored.elementType == .bool
        let bytes = Tensor.empty(
            stored.shape, dtype: isBool ? .uint8 : DType(stored.elementType))
        try bytes.withUnsafeMutableBytes { try stored.copy(into: $0) }
        self = isBool ? bytes .!= 0 : bytes
    }
}

extension StoredTensor {
    /// A tensor in memory that can be written to a file; its elements are read when it is written.
    ///
    /// - Parameter tensor: the tensor, which must not change until then.
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
            preconditionFailure("\(dtype) cannot be stored in a checkpoint")
        }
        self = type
    }
}
