import Torch

/// How Adam treats weight decay.
public enum WeightDecay: Sendable {
    /// Added to the gradient: Adam.
    case inGradient(Double)
    /// Taken from the weights themselves: AdamW.
    case decoupled(Double)
}

/// Adam and AdamW, all parameters in one fused operator as PyTorch's `fused=True`.
public final class Adam {
    /// The learning rate of the next step.
    public var learningRate: Double
    /// Decay rates of the first and second moment.
    public let betas: (Double, Double)
    /// Added to the root of the second moment.
    public let epsilon: Double
    /// How weights decay.
    public let weightDecay: WeightDecay

    private let parameters: [Parameter]
    private var states: [ObjectIdentifier: State] = [:]

    private struct State {
        let mean: Tensor
        let variance: Tensor
        let step: Tensor
    }

    /// An optimizer of some parameters, with PyTorch's defaults.
    ///
    /// - Parameters:
    ///   - parameters: what each step changes, where it has a gradient.
    ///   - learningRate: size of a step.
    ///   - betas: decay rates of the first and second moment.
    ///   - epsilon: added to the root of the second moment.
    ///   - weightDecay: how weights decay.
    public init(
        _ parameters: [Parameter], learningRate: Double = 1e-3,
        betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
        weightDecay: WeightDecay = .inGradient(0)
    ) {
        self.parameters = parameters
        self.learningRate = learningRate
        self.betas = betas
        self.epsilon = epsilon
        self.weightDecay = weightDecay
    }

    /// Changes every parameter that has a gradient.
    ///
    /// Traps where a parameter has gaps or overlaps in memory, or another form than in the step
    /// before: the fused operator reads parameters, gradients and moments as they lie.
    public func step() {
        let active = parameters.compactMap { parameter in parameter.grad.map { (parameter, $0) } }
        guard !active.isEmpty else { return }
        withoutGrad {
            let states = active.map { state(of: $0.0) }
            run("_foreach_add_.Scalar", [states.map(\.step), 1])
            update(active.map(\.0.value), gradients: active.map(\.1), states)
        }
    }

    /// The moments and step counts of parameters that have taken a step, by name as PyTorch calls
    /// them: `NAME.exp_avg`, `NAME.exp_avg_sq`, `NAME.step`.
    ///
    /// - Parameter names: of the parameters.
    /// - Returns: tensors that change with the next step.
    public func stateDictionary(
        _ names: [(name: String, parameter: Parameter)]
    ) -> StateDictionary {
        names.reduce(into: StateDictionary()) { result, entry in
            guard let state = states[ObjectIdentifier(entry.parameter)] else { return }
            result["\(entry.name).exp_avg"] = state.mean
            result["\(entry.name).exp_avg_sq"] = state.variance
            result["\(entry.name).step"] = state.step
        }
    }

    /// Goes on from kept moments; a parameter that has none starts anew.
    ///
    /// - Parameters:
    ///   - source: as ``stateDictionary(_:)`` gives it.
    ///   - names: of the parameters.
    /// - Throws: `ModuleLoadError` when moments are missing or of another shape, and the reader's
    ///   error; the optimizer then is as it was.
    public func load(
        _ source: some TensorSource, _ names: [(name: String, parameter: Parameter)]
    ) throws {
        var loaded: [ObjectIdentifier: State] = [:]
        for (name, parameter) in names where source.shape(of: "\(name).step") != nil {
            let value = parameter.value
            loaded[ObjectIdentifier(parameter)] = State(
                mean: try source.tensor("\(name).exp_avg", like: value),
                variance: try source.tensor("\(name).exp_avg_sq", like: value),
                step: try source.tensor("\(name).step", like: .zeros([], device: value.device)))
        }
        states = loaded
    }

    private func state(of parameter: Parameter) -> State {
        let key = ObjectIdentifier(parameter)
        if let state = states[key] {
            precondition(
                state.mean.shape == parameter.value.shape
                    && state.mean.strides == parameter.value.strides
                    && state.mean.dtype == parameter.value.dtype
                    && state.mean.device == parameter.value.device,
                "Adam has moments for \(state.mean), not for \(parameter.value) as it lies now")
            return state
        }
        precondition(
            parameter.value.isDense,
            "Adam cannot change \(parameter.value) with strides \(parameter.value.strides): "
                + "it has gaps or overlaps in memory")
        let state = State(
            mean: parameter.value.zerosLike(), variance: parameter.value.zerosLike(),
            step: .zeros([], device: parameter.value.device))
        states[key] = state
        return state
    }

    private func update(_ values: [Tensor], gradients: [Tensor], _ states: [State]) {
        let (op, decay): (StaticString, Double) =
            switch weightDecay {
            case .inGradient(let decay): ("_fused_adam_", decay)
            case .decoupled(let decay): ("_fused_adamw_", decay)
            }
        run(
            op,
            [
                values, zip(gradients, values).map(laidOut), states.map(\.mean),
                states.map(\.variance), [Tensor](),
                states.map(\.step), learningRate, betas.0, betas.1, decay, epsilon, false, false,
            ])
        for value in values {
            value.countEdit()
        }
    }

    /// The gradient with its elements in the order of the parameter's.
    private func laidOut(_ gradient: Tensor, as value: Tensor) -> Tensor {
        guard gradient.strides != value.strides else { return gradient }
        let copy = value.zerosLike()
        copy.assign(from: gradient)
        return copy
    }

    private func run(_ op: StaticString, _ arguments: [(any OperatorArgument)?]) {
        do throws(TorchError) {
            try attempt(op, arguments)
        } catch {
            preconditionFailure(error.description)
        }
    }
}
