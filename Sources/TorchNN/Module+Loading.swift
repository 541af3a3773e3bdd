import Torch

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

extension ModuleLoadError: CustomStringConvertible {
    /// All differences, a line each.
    public var description: String {
        let lines =
            missing.map { "missing: '\($0)'" }
            + unexpected.map { "unexpected: '\($0)'" }
            + misshapen.map { "'\($0.name)' has shape \($0.found), the model needs \($0.expected)" }
            + mistyped.map { "'\($0.name)' is of type \($0.found), the model needs \($0.expected)" }
        return """
            the weights do not fit the model: \(missing.count) missing, \
            \(unexpected.count) unexpected, \(misshapen.count) of another shape, \
            \(mistyped.count) of another type
            """ + lines.map { "\n  \($0)" }.joined()
    }
}

extension Module {
    /// Fills all parameters and buffers from named tensors.
    ///
    /// Strict: every name, every shape and every type must agree, but that floating point numbers
    /// of one size are converted to another. When anything is wrong the module stays as it was.
    ///
    /// - Parameter source: a checkpoint or a state dictionary.
    /// - Throws: ``ModuleLoadError`` with all differences, or the reader's error.
    public func load(_ source: some TensorSource) throws {
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
        guard error.isEmpty else { throw error }
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
