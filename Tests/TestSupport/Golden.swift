import Checkpoints
import Foundation
import Testing
import Torch
import TorchNN

/// Golden values: named tensors that another program computed, from `Tests/Fixtures`.
public struct Golden: Sendable {
    /// Metadata of the program that made them, such as its version and seed.
    public let metadata: [String: String]
    /// A description for messages.
    private let title: String
    private var tensors: StateDictionary

    /// Reads a fixture.
    ///
    /// - Parameter name: the file's path in `Tests/Fixtures`, without `.safetensors`.
    /// - Throws: ``CheckpointError`` when it cannot be read.
    public init(_ name: String) throws {
        try self.init(
            file: Shared.package.appending(path: "Tests/Fixtures/\(name).safetensors"), title: name)
    }

    /// Reads a file outside of the fixtures, for example in ``Shared/folder``.
    ///
    /// - Parameter file: a safetensors file.
    /// - Throws: ``CheckpointError`` when it cannot be read.
    public init(file: URL) throws {
        try self.init(file: file, title: file.lastPathComponent)
    }

    /// Reads values of the SAMUS authors' program, trimmed by `Tools/fixtures/authors_goldens.py`.
    ///
    /// - Parameter name: the file's path in `Tests/Fixtures/golden`, without `.safetensors`.
    /// - Throws: ``CheckpointError`` when it cannot be read.
    public init(authors name: String) throws {
        try self.init("golden/\(name)")
        if let image = tensors["input.image"] {
            tensors["input.image"] = image.to(.float32) / 255
        }
        if let mask = tensors["case.mask.mask_input"] {
            tensors["case.mask.mask_input"] = mask.to(.float32)
        }
    }

    /// The elements of a result that a golden tensor has: all, or every n-th where it is sampled.
    ///
    /// - Parameters:
    ///   - result: the whole result.
    ///   - name: the golden tensor.
    /// - Returns: a tensor of the golden tensor's shape.
    public func sampled(_ result: Tensor, as name: String) -> Tensor {
        let expected = self[name]
        guard let step = metadata["step"].flatMap(Int.init), expected.shape != result.shape else {
            return result
        }
        let indices = Array(stride(from: 0, to: result.elementCount, by: step))
        precondition(
            expected.shape == [indices.count], "\(name) has \(expected.shape) of \(result.shape)")
        return result.reshaped([-1]).indexed(by: Tensor(indices), axis: 0)
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

    /// All tensors, for loading into a module.
    public var state: StateDictionary { tensors }

    /// The names of all tensors.
    public var names: [String] { tensors.names }

    /// A tensor that must exist.
    public subscript(name: String) -> Tensor {
        guard let tensor = tensors[name] else {
            preconditionFailure("no '\(name)' in \(title), which has \(names)")
        }
        return tensor
    }

    /// A tensor; nil if there is none of that name.
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

    /// The first parts of all names, in order: the arguments of ``section(_:)``.
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
