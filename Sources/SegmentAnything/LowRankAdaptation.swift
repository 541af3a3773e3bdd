import Segmentation
import Torch
import TorchNN

/// The layer of an attention that makes queries, keys and values of tokens.
protocol QueryKeyValueLayer: Layer {
    /// The output for a token of zeros, `[3 D]`.
    var outputForZeros: Tensor { get }
}

extension Linear: QueryKeyValueLayer {}

/// A module with trained layers that the same network without adapters does not have.
protocol AdaptedModule: Module {
    /// The parameters of these layers.
    var addedParameters: [Parameter] { get }
}

extension Module {
    /// The parameters of all adapters in this module and its submodules.
    package var adapterParameters: [Parameter] {
        var parameters: [Parameter] = []
        visit { _, module in parameters += (module as? any AdaptedModule)?.addedParameters ?? [] }
        return parameters
    }
}

/// Queries, keys and values with low-rank additions to queries and values: LoRA (arXiv:2106.09685),
/// as SAMed has it (arXiv:2304.13785).
///
/// `q + B_q A_q x`, `k` and `v + B_v A_v x` for `[q, k, v] = W x + b`; there is no scale. A new layer
/// computes what `W` and `b` alone do, because each B is zero.
final class LowRankQueryValue: Module, QueryKeyValueLayer, AdaptedModule {
    /// The order of a token's queries, keys and values.
    enum Order {
        /// All queries, then all keys, then all values.
        case byKind
        /// Query, key and value of each head, head by head.
        case byHead(Int)
    }

    let qkv: Linear
    let queryDown: Linear
    let queryUp: Linear
    let valueDown: Linear
    let valueUp: Linear
    let order: Order

    /// The names of SAMed.
    override class var checkpointNames: [String: String] {
        [
            "queryDown": "linear_a_q", "queryUp": "linear_b_q",
            "valueDown": "linear_a_v", "valueUp": "linear_b_v",
        ]
    }

    /// - Parameters:
    ///   - width: of the tokens, D.
    ///   - rank: rows of each A.
    ///   - order: of the values in the output.
    init(width: Int, rank: Int, order: Order) {
        qkv = Linear(width, 3 * width)
        queryDown = Linear(width, rank, bias: false)
        queryUp = Linear(rank, width, bias: false)
        valueDown = Linear(width, rank, bias: false)
        valueUp = Linear(rank, width, bias: false)
        self.order = order
        super.init()
        queryUp.setToZero()
        valueUp.setToZero()
    }

    var addedParameters: [Parameter] {
        [queryDown, queryUp, valueDown, valueUp].flatMap(\.parameters)
    }

    /// - Parameter x: tokens, `[..., D]`.
    /// - Returns: `[..., 3 D]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let query = queryUp(queryDown(x))
        return qkv(x) + joined(query, query.zerosLike(), valueUp(valueDown(x)))
    }

    /// The additions are products, and zero for a token of zeros.
    var outputForZeros: Tensor { qkv.outputForZeros }

    /// The weight of a linear layer that computes the same, `[3 D, D]`.
    var mergedWeight: Tensor {
        func product(_ up: Linear, _ down: Linear) -> Tensor {
            up.parameters[0].value.matmul(down.parameters[0].value)
        }
        let query = product(queryUp, queryDown)
        let addition = joined(
            query.transposed(0, 1), query.transposed(0, 1).zerosLike(),
            product(valueUp, valueDown).transposed(0, 1))
        return qkv.parameters[0].value + addition.transposed(0, 1)
    }

    /// Queries, keys and values, `[..., D]` each, in the order of the output.
    private func joined(_ query: Tensor, _ key: Tensor, _ value: Tensor) -> Tensor {
        switch order {
        case .byKind: return .concatenate([query, key, value], axis: -1)
        case .byHead(let heads):
            let leading = Array(query.shape.dropLast())
            return Tensor.concatenate(
                [query, key, value].map { $0.reshaped(leading + [heads, -1]) }, axis: -1
            ).reshaped(leading + [-1])
        }
    }
}

/// The layer of an attention that makes queries, keys and values, with LoRA where a rank is given.
///
/// - Parameters:
///   - width: of the tokens.
///   - rank: of LoRA; nil for a linear layer alone.
///   - order: of the values in the output.
/// - Returns: a layer from `[..., D]` to `[..., 3 D]`.
func queryKeyValueLayer(
    width: Int, rank: Int?, order: LowRankQueryValue.Order = .byKind
) -> any QueryKeyValueLayer {
    rank.map { LowRankQueryValue(width: width, rank: $0, order: order) }
        ?? Linear(width, 3 * width)
}

extension Module {
    /// The weights of the same network without LoRA, which compute the same.
    ///
    /// - Returns: all parameters and buffers by their names in the network without adapters, with
    ///   the products of LoRA added to the weights.
    package func mergedStateDictionary() -> StateDictionary {
        var merged: [String: Tensor] = [:]
        visit { name, module in
            guard let layer = module as? LowRankQueryValue else { return }
            merged[name + ".qkv.weight"] = withoutGrad { layer.mergedWeight }
        }
        return namedValues().reduce(into: StateDictionary()) { result, entry in
            guard let base = EncoderAdapter.baseName(of: entry.name) else { return }
            result[base] = merged[entry.name] ?? entry.value.value.detached()
        }
    }
}
