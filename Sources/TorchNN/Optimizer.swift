import Foundation
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
            value.bumpVersion()
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

/// How the learning rate changes over a training.
public struct LearningRateSchedule: Hashable, Sendable, Codable {
    /// The shape after the warm-up.
    public enum Shape: Hashable, Sendable, Codable {
        /// Stays as it is.
        case constant
        /// `(1 - progress) ^ power`.
        case polynomial(power: Double)
        /// Half a cosine, down to a share of the first rate.
        case cosine(lowest: Double)
    }

    /// The rate after the warm-up.
    public var rate: Double
    /// The shape after the warm-up.
    public var shape: Shape
    /// Steps in which the rate grows evenly up to ``rate``.
    public var warmUp: Int
    /// Steps of the whole training; the rate stays at its last value after them.
    public var total: Int

    /// A schedule.
    ///
    /// - Parameters:
    ///   - rate: the rate after the warm-up.
    ///   - shape: how it goes on.
    ///   - warmUp: steps in which it grows evenly; 0 for none.
    ///   - total: steps of the whole training, the warm-up among them.
    public init(_ rate: Double, shape: Shape = .constant, warmUp: Int = 0, total: Int) {
        self.rate = rate
        self.shape = shape
        self.warmUp = warmUp
        self.total = total
    }

    /// The rate of a step.
    ///
    /// - Parameter step: from 0.
    /// - Returns: the rate; in the warm-up `rate * (step + 1) / warmUp`.
    public func rate(at step: Int) -> Double {
        if step < warmUp { return rate * Double(step + 1) / Double(warmUp) }
        let progress = min(Double(step - warmUp) / Double(max(total - warmUp, 1)), 1)
        switch shape {
        case .constant: return rate
        case .polynomial(let power): return rate * pow(1 - progress, power)
        case .cosine(let lowest):
            return rate * (lowest + (1 - lowest) * (1 + cos(.pi * progress)) / 2)
        }
    }
}

/// The length of all gradients together, and what keeps it bounded.
public enum GradientClipping {
    /// The length (L2) of the gradients of some parameters, as one vector.
    ///
    /// - Parameter parameters: those without a gradient count as 0.
    /// - Returns: a number; not finite when one of the gradients is not.
    public static func norm(of parameters: [Parameter]) -> Double {
        let gradients = parameters.compactMap(\.grad)
        guard !gradients.isEmpty else { return 0 }
        return withoutGrad {
            let squares = gradients.map { gradient -> Tensor in
                let single = gradient.to(.float32)
                return (single * single).sum()
            }
            return Tensor.stack(squares).sum().item().squareRoot()
        }
    }

    /// Shortens the gradients together to a length, as PyTorch's `clip_grad_norm_`.
    ///
    /// - Parameters:
    ///   - parameters: whose gradients.
    ///   - limit: the greatest length; the factor is `limit / (norm + 1e-6)` where that is below 1.
    /// - Returns: the length before.
    @discardableResult
    public static func clip(_ parameters: [Parameter], to limit: Double) -> Double {
        let norm = norm(of: parameters)
        let factor = limit / (norm + 1e-6)
        guard factor < 1 else { return norm }
        withoutGrad {
            for gradient in parameters.compactMap(\.grad) {
                gradient.assign(from: gradient * factor)
            }
        }
        return norm
    }
}
