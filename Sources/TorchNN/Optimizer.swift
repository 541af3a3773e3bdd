import Foundation
import Torch

/// How Adam treats weight decay.
public enum WeightDecay: Sendable {
    /// L2 regularization, added to the gradient: Adam.
    case inGradient(Double)
    /// Subtracted from the weights directly: AdamW.
    case decoupled(Double)
}

/// Adam and AdamW with one fused operator for all parameters, as PyTorch's `fused=True`.
public final class Adam {
    /// The learning rate of the next step.
    public var learningRate: Double
    /// Decay rates of the first and second moment.
    public let betas: (Double, Double)
    /// Added to the root of the second moment.
    public let epsilon: Double
    /// The weight decay.
    public let weightDecay: WeightDecay

    private let parameters: [Parameter]
    private var states: [ObjectIdentifier: State] = [:]

    private struct State {
        let mean: Tensor
        let variance: Tensor
        let step: Tensor
    }

    /// Creates an optimizer with PyTorch's defaults.
    ///
    /// - Parameters:
    ///   - parameters: the parameters to optimize.
    ///   - learningRate: size of a step.
    ///   - betas: decay rates of the first and second moment.
    ///   - epsilon: added to the root of the second moment.
    ///   - weightDecay: the weight decay.
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

    /// Updates every parameter that has a gradient.
    ///
    /// Traps when a parameter is not dense in memory, or has another layout than in the step
    /// before, because the fused operator requires parameters, gradients and moments of equal
    /// layout.
    public func step() {
        let active = parameters.compactMap { parameter in parameter.grad.map { (parameter, $0) } }
        guard !active.isEmpty else { return }
        withoutGrad {
            let states = active.map { state(of: $0.0) }
            run("_foreach_add_.Scalar", [states.map(\.step), 1])
            update(active.map(\.0.value), gradients: active.map(\.1), states)
        }
    }

    /// The moments and step counts of all parameters that have been updated, by PyTorch's names:
    /// `NAME.exp_avg`, `NAME.exp_avg_sq`, `NAME.step`.
    ///
    /// - Parameter names: the parameters and their names.
    /// - Returns: tensors that the next step modifies.
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

    /// Restores saved moments; parameters without saved moments start anew.
    ///
    /// - Parameters:
    ///   - source: the tensors of ``stateDictionary(_:)``.
    ///   - names: the parameters and their names.
    /// - Throws: `ModuleLoadError` when moments are missing or have another shape, and the reader's
    ///   error; the optimizer is unchanged then.
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
                "Adam has moments for \(state.mean), and the layout of \(parameter.value) differs")
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
                values, zip(gradients, values).map(withLayout), states.map(\.mean),
                states.map(\.variance), [Tensor](),
                states.map(\.step), learningRate, betas.0, betas.1, decay, epsilon, false, false,
            ])
        for value in values {
            value.bumpVersion()
        }
    }

    /// The gradient with the memory layout of the parameter.
    private func withLayout(_ gradient: Tensor, as value: Tensor) -> Tensor {
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
        /// Constant.
        case constant
        /// `(1 - progress) ^ power`.
        case polynomial(power: Double)
        /// Half a cosine, down to a fraction of the initial rate.
        case cosine(lowest: Double)
    }

    /// The rate after the warm-up.
    public var rate: Double
    /// The shape after the warm-up.
    public var shape: Shape
    /// Number of steps of linear warm-up to ``rate``.
    public var warmUp: Int
    /// Steps of the whole training; the rate stays at its last value after them.
    public var total: Int

    /// Creates a schedule.
    ///
    /// - Parameters:
    ///   - rate: the rate after the warm-up.
    ///   - shape: the shape after the warm-up.
    ///   - warmUp: number of steps of linear warm-up; 0 for none.
    ///   - total: steps of the whole training, including the warm-up.
    public init(_ rate: Double, shape: Shape = .constant, warmUp: Int = 0, total: Int) {
        self.rate = rate
        self.shape = shape
        self.warmUp = warmUp
        self.total = total
    }

    /// The rate of a step.
    ///
    /// - Parameter step: the step, from 0.
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

/// The norm of gradients, and clipping to a maximum norm.
public enum GradientClipping {
    /// The L2 norm of the gradients of some parameters, as one vector.
    ///
    /// - Parameter parameters: the parameters; those without a gradient count as 0.
    /// - Returns: the norm; not finite when a gradient is not finite.
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

    /// Clips the norm of the gradients, as PyTorch's `clip_grad_norm_`.
    ///
    /// - Parameters:
    ///   - parameters: the parameters whose gradients are scaled.
    ///   - limit: the maximum norm; the factor is `limit / (norm + 1e-6)` if that is below 1.
    /// - Returns: the norm before clipping.
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
