import Segmentation

/// An engine whose networks can also be called with tensors, for programs that prepare images and
/// restore masks themselves.
package protocol TensorEngine: SegmentationEngine {
    /// The networks of the model: an encoder, and one or two decoders.
    var networks: [TensorNetwork] { get }

    /// Runs a network once.
    ///
    /// - Parameters:
    ///   - network: one of ``networks``.
    ///   - inputs: tensors by name, as ``TensorNetwork/complete(_:)`` returns them.
    /// - Returns: the outputs, in the order of ``TensorNetwork/outputs``.
    /// - Throws: errors of the runtime; `EngineError.notFinite`.
    func run(_ network: TensorNetwork, _ inputs: [String: FloatTensor]) throws -> [FloatTensor]
}

/// A network of a model bundle with its inputs and outputs, all of float32.
package struct TensorNetwork: Equatable, Sendable {
    /// What a network does.
    package enum Role: String, Sendable {
        /// Images to embeddings.
        case encoder
        /// Embeddings and prompts to masks.
        case decoder
        /// Embeddings to masks.
        case promptFreeDecoder
    }

    /// An input or output.
    package struct Port: Equatable, Sendable {
        /// Its name in the ONNX file.
        package let name: String
        /// Length of each axis; nil for any length.
        package let shape: [Int?]

        /// Creates a port.
        package init(_ name: String, _ shape: [Int?]) {
            self.name = name
            self.shape = shape
        }
    }

    /// Largest number of prompts of a call.
    package static let maximumPrompts = 64
    /// Largest number of points of a prompt.
    package static let maximumPoints = 256

    /// What it does.
    package let role: Role
    /// Its inputs.
    package let inputs: [Port]
    /// Its outputs.
    package let outputs: [Port]

    /// Creates a description.
    package init(role: Role, inputs: [Port], outputs: [Port]) {
        self.role = role
        self.inputs = inputs
        self.outputs = outputs
    }

    /// Checks the tensors of a call, and adds an empty mask where none is given.
    ///
    /// - Parameter given: tensors by name.
    /// - Returns: a tensor for each input.
    /// - Throws: ``TensorError``.
    package func complete(
        _ given: [String: FloatTensor]
    ) throws(TensorError) -> [String: FloatTensor] {
        for name in given.keys.sorted() where !inputs.contains(where: { $0.name == name }) {
            throw .unknown(name, known: inputs.map(\.name))
        }
        var tensors = given
        if tensors[TensorNames.mask] == nil, tensors[TensorNames.hasMask] == nil {
            for port in inputs where [TensorNames.mask, TensorNames.hasMask].contains(port.name) {
                let shape = port.shape.map { $0 ?? 1 }
                tensors[port.name] = FloatTensor(
                    [Float](repeating: 0, count: shape.reduce(1, *)), shape: shape)
            }
        }
        for port in inputs {
            guard let tensor = tensors[port.name] else { throw .missing(port.name) }
            guard tensor.shape.count == port.shape.count,
                zip(tensor.shape, port.shape).allSatisfy({ $1 == nil ? $0 > 0 : $0 == $1 })
            else {
                throw .wrongShape(port.name, found: tensor.shape, expected: port.shape)
            }
            guard tensor.values.allSatisfy(\.isFinite) else { throw .notFinite(port.name) }
        }
        if role == .decoder { try checkPrompts(tensors) }
        return tensors
    }

    /// The lengths that the shapes of the ports leave open must fit each other.
    private func checkPrompts(_ tensors: [String: FloatTensor]) throws(TensorError) {
        guard let points = tensors[TensorNames.coordinates]?.shape,
            let labels = tensors[TensorNames.labels]?.shape
        else { return }
        let (prompts, count) = (points[0], points[1])
        guard prompts <= Self.maximumPrompts, count <= Self.maximumPoints else {
            throw .tooMany(prompts: prompts, points: count)
        }
        guard labels == [prompts, count] else {
            throw .wrongShape(TensorNames.labels, found: labels, expected: [prompts, count])
        }
        for name in [TensorNames.embeddings, TensorNames.mask] {
            guard let tensor = tensors[name], ![1, prompts].contains(tensor.shape[0]) else {
                continue
            }
            throw .wrongShape(
                name, found: tensor.shape, expected: [prompts] + tensor.shape.dropFirst())
        }
    }
}

/// Why tensors do not fit a network.
package enum TensorError: Error, Equatable, Sendable {
    case unknown(String, known: [String])
    case missing(String)
    case wrongShape(String, found: [Int], expected: [Int?])
    case notFinite(String)
    case tooMany(prompts: Int, points: Int)
}

extension TensorError: CustomStringConvertible {
    /// One sentence for the person who called the network.
    package var description: String {
        switch self {
        case .unknown(let name, let known):
            "there is no input '\(name.prefix(40))': the network has "
                + known.joined(separator: ", ")
        case .missing(let name): "the input '\(name)' is missing"
        case .wrongShape(let name, let found, let expected):
            "the input '\(name)' has shape \(found); "
                + "[\(expected.map { $0.map(String.init) ?? "any" }.joined(separator: ", "))] is "
                + "needed"
        case .notFinite(let name): "the input '\(name)' has values that are not finite"
        case .tooMany(let prompts, let points):
            "\(prompts) prompts of \(points) points are given; at most "
                + "\(TensorNetwork.maximumPrompts) prompts of \(TensorNetwork.maximumPoints) points "
                + "are taken"
        }
    }
}

extension BundleEngine: TensorEngine {
    /// The networks of the bundle, with the shapes that were checked when it was loaded.
    package var networks: [TensorNetwork] {
        let (size, side) = (manifest.input.size, manifest.embedding.side)
        let embedding = [manifest.embedding.width, side, side]
        let plane = [4 * side, 4 * side]
        func outputs(masks: Int) -> [TensorNetwork.Port] {
            [
                .init(TensorNames.logits, [nil, masks] + plane),
                .init(TensorNames.iou, [nil, masks]),
            ]
        }
        var networks = [
            TensorNetwork(
                role: .encoder,
                inputs: [.init(encoderInput, [1, manifest.input.channels, size, size])],
                outputs: [.init(TensorNames.embeddings, [1] + embedding)])
        ]
        if decoder != nil {
            networks.append(
                TensorNetwork(
                    role: .decoder,
                    inputs: [
                        .init(TensorNames.embeddings, [nil] + embedding),
                        .init(TensorNames.coordinates, [nil, nil, 2]),
                        .init(TensorNames.labels, [nil, nil]),
                        .init(TensorNames.mask, [nil, 1] + plane), .init(TensorNames.hasMask, [1]),
                    ],
                    outputs: outputs(masks: 1 + manifest.candidates)
                        + (hasPresence ? [.init(TensorNames.presence, [nil, 1])] : [])))
        }
        if promptFreeDecoder != nil {
            networks.append(
                TensorNetwork(
                    role: .promptFreeDecoder,
                    inputs: [.init(TensorNames.embeddings, [nil] + embedding)],
                    outputs: outputs(masks: manifest.promptFreeMasks)))
        }
        return networks
    }

    package func run(
        _ network: TensorNetwork, _ inputs: [String: FloatTensor]
    ) throws -> [FloatTensor] {
        let compiled: CompiledModel? =
            switch network.role {
            case .encoder: encoder
            case .decoder: decoder
            case .promptFreeDecoder: promptFreeDecoder
            }
        guard let compiled else { preconditionFailure("the network is not one of this engine") }
        let results = try compiled.run(inputs, outputs: network.outputs.map(\.name))
        guard results.allSatisfy({ $0.values.allSatisfy(\.isFinite) }) else {
            throw EngineError.notFinite(model: model.name)
        }
        return results
    }
}
