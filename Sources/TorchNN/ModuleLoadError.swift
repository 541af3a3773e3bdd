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
