import Segmentation
import Torch
import TorchNN

/// Initializes a network that contains SAM from the weights of SAM.
///
/// Each tensor is copied under its name in SAM. The position embedding and the tables of relative
/// positions are resized bilinearly where the input has another size. Adapters keep their initial
/// values.
package struct SAMTransfer {
    private let network: Module
    private let source: any TensorSource
    /// Names in the source, by the names in the network.
    private let names: [String: String]
    private let resizable: Set<ObjectIdentifier>
    /// Tensors that keep their initial values.
    private let isNew: (String) -> Bool

    /// - Parameters:
    ///   - network: SAM, adapted or not, or a network with such a SAM as its part `sam`.
    ///   - encoder: the image encoder of the network, whose position tables may be resized; nil for
    ///     one that has none.
    ///   - source: a checkpoint or a state dictionary of SAM.
    ///   - isNew: whether a tensor of the network keeps its initial values.
    package init(
        to network: Module, encoder: ImageEncoder?, from source: any TensorSource,
        isNew: @escaping (String) -> Bool = { _ in false }
    ) {
        self.network = network
        self.source = source
        self.isNew = isNew
        resizable = Set((encoder?.positionTables ?? []).map { ObjectIdentifier($0) })
        names = network.namedValues().reduce(into: [:]) { names, entry in
            guard !isNew(entry.name), let base = EncoderAdapter.baseName(of: entry.name) else {
                return
            }
            names[entry.name] = Self.nameInSAM(base)
        }
    }

    /// - Parameters:
    ///   - network: SAM, adapted or not.
    ///   - source: a checkpoint or a state dictionary of SAM.
    package init(to network: SAM, from source: any TensorSource) {
        self.init(to: network, encoder: network.imageEncoder, from: source)
    }

    private static func nameInSAM(_ name: String) -> String {
        var name = name.hasPrefix("sam.") ? String(name.dropFirst(4)) : name
        for (own, sam) in [(".mlp.layers.0.0.", ".mlp.lin1."), (".mlp.fc.", ".mlp.lin2.")] {
            if let place = name.firstRange(of: own) { name.replaceSubrange(place, with: sam) }
        }
        for (own, sam) in [(".rel_h", ".rel_pos_h"), (".rel_w", ".rel_pos_w")]
        where name.hasSuffix(own) {
            return name.dropLast(own.count) + sam
        }
        return name
    }

    /// Copies the weights; nothing is changed when names, shapes or types do not agree.
    ///
    /// - Returns: where each weight comes from.
    /// - Throws: `ModuleLoadError` when parts of SAM are missing or have another shape, and the
    ///   error of the reader.
    package func run() throws -> WeightTransfer {
        let view = SourceView(source: source, original: names)
        var transfer = WeightTransfer(copied: [])
        for (name, value) in network.namedValues() {
            guard names[name] != nil else {
                transfer.new.append(name)
                continue
            }
            let shape = value.value.shape
            let isResized =
                resizable.contains(ObjectIdentifier(value))
                && view.shape(of: name).map { $0 != shape && Self.isTable($0, like: shape) } == true
            if isResized { transfer.resized.append(name) } else { transfer.copied.append(name) }
        }
        let accepted = Set(transfer.new + transfer.resized)
        if let error = network.difference(from: view)?.leavingOut(accepted.contains) { throw error }
        let used = Set(names.values)
        transfer.unused = source.names.filter { !used.contains($0) }
        try withoutGrad {
            for (name, value) in network.namedValues() {
                guard let shape = view.shape(of: name) else { continue }
                guard shape != value.value.shape else {
                    try view.read(name, into: value.value.detached())
                    continue
                }
                let table = Tensor.empty(shape)
                try view.read(name, into: table)
                value.value.detached().assign(from: Self.resized(table, to: value.value.shape))
            }
        }
        return transfer
    }

    /// Whether a shape is that of a position table of another size.
    private static func isTable(_ found: [Int], like shape: [Int]) -> Bool {
        found.count == shape.count && found.last == shape.last
            && found.allSatisfy { (1...4096).contains($0) }
            && (found.count == 4 ? found[0] == 1 : found.count == 2)
    }

    private static func resized(_ table: Tensor, to shape: [Int]) -> Tensor {
        guard shape.count == 4 else { return RelativePosition.resized(table, length: shape[0]) }
        return bilinear(table.permuted([0, 3, 1, 2]), height: shape[1], width: shape[2])
            .permuted([0, 2, 3, 1])
    }
}

/// The tensors of a source under the names of a network.
private struct SourceView: TensorSource {
    let source: any TensorSource
    /// Names in the source, by the names in the network.
    let original: [String: String]

    var names: [String] { original.keys.filter { shape(of: $0) != nil } }

    func shape(of name: String) -> [Int]? { original[name].flatMap(source.shape) }
    func dtype(of name: String) -> DType? { original[name].flatMap(source.dtype) }
    func read(_ name: String, into target: Tensor) throws {
        try source.read(original[name] ?? name, into: target)
    }
}
