import Checkpoints
import Torch

extension Module {
    /// Every way in which named tensors do not fit this module.
    ///
    /// - Parameter source: a checkpoint or a state dictionary.
    /// - Returns: nil when ``load(_:)`` would take them.
    public func difference(from source: some TensorSource) -> ModuleLoadError? {
        let values = namedValues()
        let known = Set(values.map(\.name))
        let error = ModuleLoadError(
            missing: values.map(\.name).filter { source.shape(of: $0) == nil },
            unexpected: source.names.filter { !known.contains($0) },
            misshapen: values.compactMap { name, value in
                guard let found = source.shape(of: name), found != value.value.shape
                else { return nil }
                return .init(name: name, expected: value.value.shape, found: found)
            },
            mistyped: values.compactMap { name, value in
                let expected = value.value.dtype
                guard let found = source.dtype(of: name), found != expected,
                    !(found.isFloatingPoint && expected.isFloatingPoint)
                else { return nil }
                return .init(name: name, expected: expected, found: found)
            })
        return error.isEmpty ? nil : error
    }

    /// Fills all parameters and buffers from named tensors.
    ///
    /// Strict: every name, every shape and every type must agree, but that floating point numbers
    /// of one size are converted to another. When anything is wrong the module stays as it was.
    ///
    /// - Parameter source: a checkpoint or a state dictionary.
    /// - Throws: ``ModuleLoadError`` with all differences, or the reader's error.
    public func load(_ source: some TensorSource) throws {
        if let error = difference(from: source) { throw error }
        let values = namedValues()
        // Read all before any is replaced. Memory that was never written to is not taken, so a
        // module made under `Initialization.skipped` holds its weights once. Where a weight comes
        // from is no part of its gradient.
        let loaded = try withoutGrad {
            try values.map { name, value in
                let old = value.value
                let new = Tensor.empty(old.shape, dtype: old.dtype, device: old.device)
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

/// Every way in which a checkpoint does not fit a module.
public struct ModuleLoadError: Error, Equatable, Sendable {
    /// A tensor of another shape than the module's.
    public struct Misshapen: Equatable, Sendable {
        /// Its name.
        public let name: String
        /// The shape the module needs.
        public let expected: [Int]
        /// The shape the checkpoint has.
        public let found: [Int]
    }

    /// A tensor of a kind of number that the module's cannot be made of.
    public struct Mistyped: Equatable, Sendable {
        /// Its name.
        public let name: String
        /// The type the module needs.
        public let expected: DType
        /// The type the checkpoint has.
        public let found: DType
    }

    /// Names the module needs and the checkpoint lacks.
    public let missing: [String]
    /// Names the checkpoint has and the module does not know.
    public let unexpected: [String]
    /// Tensors whose shapes differ.
    public let misshapen: [Misshapen]
    /// Tensors whose types cannot stand for the module's, as integers for weights.
    public let mistyped: [Mistyped]

    var isEmpty: Bool {
        missing.isEmpty && unexpected.isEmpty && misshapen.isEmpty && mistyped.isEmpty
    }
}

extension ModuleLoadError {
    /// The differences that count.
    ///
    /// - Parameter isAllowed: whether that of a tensor does not.
    /// - Returns: nil when none is left.
    public func leavingOut(_ isAllowed: (String) -> Bool) -> ModuleLoadError? {
        let rest = ModuleLoadError(
            missing: missing.filter { !isAllowed($0) },
            unexpected: unexpected.filter { !isAllowed($0) },
            misshapen: misshapen.filter { !isAllowed($0.name) },
            mistyped: mistyped.filter { !isAllowed($0.name) })
        return rest.isEmpty ? nil : rest
    }
}

extension ModuleLoadError: CustomStringConvertible {
    /// All differences, a sentence each: names in the order of the module, those it does not know
    /// in the order of the checkpoint.
    public var differences: [String] {
        let lines =
            missing.map { "missing: '\($0)'" }
            + unexpected.map { "unexpected: '\($0)'" }
            + misshapen.map { "'\($0.name)' has shape \($0.found), the model needs \($0.expected)" }
            + mistyped.map { "'\($0.name)' is of type \($0.found), the model needs \($0.expected)" }
        // A name is the file's: it must not forge a line.
        return lines.map { line in
            line.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
                .map { String($0) }.joined(separator: "\\n")
        }
    }

    /// How many differences of each sort, and the first ten, a line each.
    public var description: String {
        let shown = differences.prefix(10)
        let rest = differences.count - shown.count
        let lines = shown + (rest > 0 ? ["… and \(rest) more"] : [])
        return """
            the weights do not fit the model: \(missing.count) missing, \
            \(unexpected.count) unexpected, \(misshapen.count) of another shape, \
            \(mistyped.count) of another type
            """ + lines.map { "\n  \($0)" }.joined()
    }
}

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
