import SegmentAnything
import Segmentation
import Torch
import TorchNN

extension SAMUS {
    /// The sizes of the source; from SAM with an input of 256 pixels.
    public static func configuration(
        startingFrom source: ModelConfiguration, of architecture: ModelArchitecture
    ) -> ModelConfiguration {
        var sizes = source.samSizes
        if architecture == .sam { sizes.imageSize = inputSize }
        return .sam(sizes)
    }

    /// Initializes a new network from SAM's weights; AutoSAMUS also from those of SAMUS
    /// (arXiv:2309.06824).
    ///
    /// Copies every tensor whose name and shape agree. The relative positions of the global blocks
    /// are resized along rows, 127 to 63 in the published sizes. What SAMUS adds keeps its initial
    /// values. The authors' program selects the global blocks by digits in tensor names, which is
    /// correct for ViT-B only; here they are selected by the blocks' types.
    ///
    /// Nothing is changed when names, shapes or types do not agree; after an error of the reader
    /// the values are undefined.
    ///
    /// - Parameter source: a checkpoint or a state dictionary of the same width and depth.
    /// - Returns: where each weight comes from.
    /// - Throws: `ModuleLoadError` when parts of SAM are missing or have another shape, and the
    ///   error of the reader.
    public func transferWeights(from source: any TensorSource) throws -> WeightTransfer {
        let values = namedValues()
        let added = Set(
            addedModules.flatMap { $0.namedValues() }.map { ObjectIdentifier($0.value) })
        let tables = Set(
            imageEncoder.globalBlocks.flatMap(\.relativePositions).map { ObjectIdentifier($0) })
        var transfer = WeightTransfer(copied: [])
        var addedNames: Set<String> = []
        for (name, value) in values {
            let id = ObjectIdentifier(value)
            if added.contains(id) { addedNames.insert(name) }
            if source.shape(of: name) == nil {
                transfer.new.append(name)
            } else if tables.contains(id), source.shape(of: name) != value.value.shape,
                Self.isTable(name, in: source, width: value.value.size(1))
            {
                transfer.resized.append(name)
            } else {
                transfer.copied.append(name)
            }
        }
        let known = Set(values.map(\.name))
        transfer.unused = source.names.filter { !known.contains($0) }

        let resized = Set(transfer.resized)
        let error = difference(from: source)?.leavingOut { name in
            guard source.shape(of: name) != nil else { return addedNames.contains(name) }
            return !known.contains(name) || resized.contains(name)
        }
        if let error { throw error }
        try withoutGrad {
            for (name, value) in values where source.shape(of: name) != nil {
                try Self.fill(value.value, with: name, of: source)
            }
        }
        return transfer
    }

    /// Whether a tensor is a table of relative positions: one vector for each distance from -n to
    /// n.
    private static func isTable(_ name: String, in source: any TensorSource, width: Int) -> Bool {
        guard let shape = source.shape(of: name) else { return false }
        return shape.count == 2 && shape[0] > 1 && shape[0] % 2 == 1 && shape[1] == width
            && source.dtype(of: name)?.isFloatingPoint == true
    }

    private static func fill(
        _ target: Tensor, with name: String, of source: any TensorSource
    ) throws {
        guard let shape = source.shape(of: name), shape != target.shape else {
            try source.read(name, into: target)
            return
        }
        let table = Tensor.empty(shape)
        try source.read(name, into: table)
        target.assign(from: RelativePosition.resized(table, length: target.size(0)))
    }
}
