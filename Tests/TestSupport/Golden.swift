import Checkpoints
import Foundation
import Testing
import Torch
import TorchNN

/// Golden values: named tensors that somebody else's program made, from `Tests/Fixtures`.
public struct Golden: Sendable {
    /// Remarks of the program that made them, as its version and seed.
    public let metadata: [String: String]
    /// What is in it, for messages.
    private let title: String
    private let tensors: StateDictionary

    /// Reads a fixture.
    ///
    /// - Parameter name: the file's path in `Tests/Fixtures`, without `.safetensors`.
    /// - Throws: ``CheckpointError`` when it cannot be read.
    public init(_ name: String) throws {
        try self.init(
            file: Shared.package.appending(path: "Tests/Fixtures/\(name).safetensors"), title: name)
    }

    /// Reads a file anywhere, as in ``Shared/folder``.
    ///
    /// - Parameter file: a safetensors file.
    /// - Throws: ``CheckpointError`` when it cannot be read.
    public init(file: URL) throws {
        try self.init(file: file, title: file.lastPathComponent)
    }

    private init(file: URL, title: String) throws {
        let checkpoint = try Checkpoint.read(file.path)
        var tensors = StateDictionary()
        for name in checkpoint.names {
            tensors[name] = try checkpoint[name].map { try Tensor($0) }
        }
        self.init(tensors, title: title, metadata: checkpoint.metadata)
    }

    private init(_ tensors: StateDictionary, title: String, metadata: [String: String]) {
        self.tensors = tensors
        self.title = title
        self.metadata = metadata
    }

    /// All tensors, as a module loads them.
    public var state: StateDictionary { tensors }

    /// The names of all tensors.
    public var names: [String] { tensors.names }

    /// A tensor that must be there.
    public subscript(name: String) -> Tensor {
        guard let tensor = tensors[name] else {
            preconditionFailure("no '\(name)' in \(title), which has \(names)")
        }
        return tensor
    }

    /// A tensor, nil when there is none of that name.
    public func optional(_ name: String) -> Tensor? {
        tensors[name]
    }

    /// The tensors whose names start with `name` and a dot, by the rest of their names.
    public func section(_ name: String) -> Golden {
        var found = StateDictionary()
        for full in names where full.hasPrefix(name + ".") {
            found[String(full.dropFirst(name.count + 1))] = tensors[full]
        }
        return Golden(found, title: "\(title), \(name)", metadata: metadata)
    }

    /// The first parts of all names, in order: what ``section(_:)`` takes.
    public var sections: [String] {
        var seen: Set<Substring> = []
        return names.compactMap { name in
            let first = name.prefix { $0 != "." }
            return seen.insert(first).inserted ? String(first) : nil
        }
    }

    /// `name.0`, `name.1` … as long as there are any.
    public func list(_ name: String) -> [Tensor] {
        Array(
            sequence(state: 0) { index -> Tensor? in
                defer { index += 1 }
                return tensors["\(name).\(index)"]
            })
    }

    /// The weights of a module: the section `weights`.
    public var weights: StateDictionary { section("weights").tensors }
}
