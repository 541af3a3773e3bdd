import Torch
import TorchNN

/// Gradients that travel together: one message is faster than many.
///
/// Behind the gradients lies a 1 for each parameter that has one. Its sum tells all processes
/// alike whether anybody used the parameter in this step.
final class GradientBucket {
    let parameters: [Parameter]
    private let memory: Tensor
    private let slices: [Tensor]
    private let marks: Tensor
    private var hasGradient: [Bool]
    private var work: Collective?

    /// - Parameter parameters: of one type, on one device.
    init(_ parameters: [Parameter]) {
        self.parameters = parameters
        let counts = parameters.map(\.value.elementCount)
        let total = counts.reduce(0, +)
        let first = parameters[0].value
        memory = .zeros([total + counts.count], dtype: first.dtype, device: first.device)
        var start = 0
        slices = zip(parameters, counts).map { [memory] parameter, count in
            defer { start += count }
            return memory[start..<(start + count)].reshaped(parameter.value.shape)
        }
        marks = memory[total..<(total + counts.count)]
        hasGradient = counts.map { _ in false }
    }

    /// Whether all its gradients are in.
    var isFull: Bool { hasGradient.allSatisfy(\.self) }

    /// Whether it is on its way.
    var isSent: Bool { work != nil }

    /// Takes the gradient of one parameter as its share in the mean over `size` processes.
    func take(_ index: Int, of size: Int) {
        guard let gradient = parameters[index].grad else { return }
        withoutGrad { slices[index].assign(from: gradient / Double(size)) }
        hasGradient[index] = true
    }

    /// Starts the sum; what has no gradient here counts as 0.
    func send(in group: ProcessGroup) throws(ProcessGroupError) {
        withoutGrad {
            for index in parameters.indices {
                if !hasGradient[index] { slices[index].fill(with: 0) }
                marks[index].fill(with: hasGradient[index] ? 1 : 0)
            }
        }
        work = try group.startSum(memory, for: "the sum of gradients")
    }

    /// Waits, and gives the parameters the mean; none to those that no process has a gradient for.
    func receive() throws(ProcessGroupError) {
        try work?.wait()
        work = nil
        let used = marks.floats()
        withoutGrad {
            for (index, parameter) in parameters.enumerated() where used[index] > 0 {
                if let gradient = parameter.grad {
                    gradient.assign(from: slices[index])
                } else {
                    parameter.value.setGrad(slices[index].clone())
                }
            }
        }
        hasGradient = hasGradient.map { _ in false }
    }

    /// Parameters in the order in which backward passes reach them, in buckets of about `bytes`.
    static func make(of parameters: [Parameter], bytes: Int) -> [GradientBucket] {
        var buckets: [GradientBucket] = []
        var waiting: [Parameter] = []
        var size = 0
        for parameter in parameters.reversed() {
            let value = parameter.value
            let needed = value.elementCount * value.dtype.byteCount
            let fits = waiting.last.map {
                $0.value.dtype == value.dtype && $0.value.device == value.device
                    && size + needed <= bytes
            }
            if fits == false {
                buckets.append(GradientBucket(waiting))
                waiting = []
                size = 0
            }
            waiting.append(parameter)
            size += needed
        }
        return waiting.isEmpty ? buckets : buckets + [GradientBucket(waiting)]
    }
}
