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
