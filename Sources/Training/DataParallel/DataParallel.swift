import Synchronization
import Torch
import TorchNN

/// A network that several processes train, each on its own share of every batch.
///
/// Gradients are averaged over the processes, in buckets that are sent while the backward pass
/// computes the others. A step is
/// ```swift
/// parallel.expectGradients()
/// loss.backward()
/// try parallel.averageGradients()
/// optimizer.step()
/// ```
/// With accumulation, only the last backward pass of a step is announced by ``expectGradients()``;
/// without it ``averageGradients()`` sends all gradients. Gradients are clipped afterwards.
///
/// With `ProcessGroup/sum(_:for:)` in a loss that is pooled over the batch, R processes with b
/// images each take the step of one process with R·b images.
public final class DataParallel {
    private let module: Module
    private let group: ProcessGroup
    private let buckets: [GradientBucket]
    private let places: [ObjectIdentifier: (bucket: Int, index: Int)]
    private let hooked: [Parameter]
    // Hooks run on the thread of the backward pass, which for a GPU is a thread of libtorch.
    private let arrivals = Mutex(Arrivals())

    /// The gradients that have arrived in this backward pass.
    private struct Arrivals {
        var isExpecting = false
        var next = 0
        var failure: ProcessGroupError?
        var isLate = false
    }

    /// Gives all processes the weights of rank 0.
    ///
    /// Nothing changes where the processes have different networks.
    ///
    /// - Parameters:
    ///   - module: the same network in all processes, with the same trainable parameters. Which
    ///     parameters are trainable, and their tensors, must not change afterwards.
    ///   - group: the processes.
    ///   - bucketBytes: size of a bucket.
    ///   - isOverlapping: whether gradients are sent during the backward pass. Must be false where a
    ///     step runs several backward passes over one weight, as checkpointing of shared layers does.
    /// - Throws: `ProcessGroupError/disagreement(rank:about:)` for different networks, or when
    ///   another process is lost.
    public init(
        _ module: Module, in group: ProcessGroup, bucketBytes: Int = 25 << 20,
        isOverlapping: Bool = true
    ) throws(ProcessGroupError) {
        self.module = module
        self.group = group
        let trainable = module.trainable
        try group.expectEqual(module.form, "the network's parameters, buffers or what is trained")
        let buckets = GradientBucket.make(of: trainable, bytes: bucketBytes)
        self.buckets = buckets
        var places: [ObjectIdentifier: (bucket: Int, index: Int)] = [:]
        for (number, bucket) in buckets.enumerated() {
            for (index, parameter) in bucket.parameters.enumerated() {
                places[ObjectIdentifier(parameter)] = (number, index)
            }
        }
        self.places = places
        hooked = isOverlapping ? trainable : []
        try broadcastValues()
        for parameter in hooked {
            let hook = Hook(self, parameter)
            parameter.value.setGradHook { hook.call() }
        }
    }

    deinit {
        for parameter in hooked {
            parameter.value.setGradHook(nil)
        }
    }

    /// Gives all processes the parameters and saved buffers of rank 0.
    ///
    /// Batch statistics differ between processes, which see different images: call this before an
    /// evaluation.
    ///
    /// - Throws: `ProcessGroupError` when another process is lost.
    public func broadcastValues() throws(ProcessGroupError) {
        for (name, value) in module.namedValues() {
            try group.broadcast(value.value, for: "the broadcast of '\(name)'")
        }
    }

    /// Announces the last backward pass of a step: its gradients are sent as they arrive.
    public func expectGradients() {
        arrivals.withLock {
            $0 = Arrivals()
            $0.isExpecting = true
        }
    }

    /// Averages the gradients over all processes.
    ///
    /// A parameter that a process did not use counts as 0 there; one that no process used has no
    /// gradient.
    ///
    /// - Throws: `ProcessGroupError` when another process is lost; the gradients are invalid then.
    public func averageGradients() throws(ProcessGroupError) {
        let found = arrivals.withLock { state in
            defer { state = Arrivals() }
            return state
        }
        if let failure = found.failure { throw failure }
        precondition(
            !found.isLate,
            "a gradient changed after it was sent: announce the last backward pass only, "
                + "or make DataParallel with isOverlapping: false")
        for bucket in buckets where !bucket.isSent {
            for index in bucket.parameters.indices {
                bucket.take(index, of: group.size)
            }
            try bucket.send(in: group)
        }
        for bucket in buckets {
            try bucket.receive()
        }
    }

    /// Adds a gradient to its bucket, and sends full buckets in the order that all processes share.
    fileprivate func arrived(_ parameter: ObjectIdentifier) {
        arrivals.withLock { state in
            guard state.isExpecting, state.failure == nil, let place = places[parameter] else {
                return
            }
            guard !buckets[place.bucket].isSent else {
                state.isLate = true
                return
            }
            buckets[place.bucket].take(place.index, of: group.size)
            do throws(ProcessGroupError) {
                while state.next < buckets.count, buckets[state.next].isFull {
                    try buckets[state.next].send(in: group)
                    state.next += 1
                }
            } catch {
                state.failure = error
            }
        }
    }
}

/// The hook of a gradient.
///
/// It does not retain the network or its weights, which would never be freed.
private final class Hook: @unchecked Sendable {
    // Only read, on the thread of the backward pass; DataParallel locks its own state.
    private weak var owner: DataParallel?
    private let parameter: ObjectIdentifier

    init(_ owner: DataParallel, _ parameter: Parameter) {
        self.owner = owner
        self.parameter = ObjectIdentifier(parameter)
    }

    func call() {
        owner?.arrived(parameter)
    }
}

extension Module {
    /// Names, shapes and types of all values, and which are trainable.
    fileprivate var form: String {
        namedValues().map { name, value in
            "\(name) \(value.value.shape) \(value.value.dtype) \(value.value.requiresGrad)"
        }.joined(separator: "\n")
    }
}

/// Gradients that are sent together: one message is faster than many.
///
/// After the gradients follows a 1 for each parameter that has one. Its sum over the processes
/// shows whether any process used the parameter in this step.
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

    /// Whether all gradients have arrived.
    var isFull: Bool { hasGradient.allSatisfy(\.self) }

    /// Whether the bucket has been sent.
    var isSent: Bool { work != nil }

    /// Adds the gradient of one parameter, divided by `size` for the mean over the processes.
    func take(_ index: Int, of size: Int) {
        guard let gradient = parameters[index].grad else { return }
        withoutGrad { slices[index].assign(from: gradient / Double(size)) }
        hasGradient[index] = true
    }

    /// Starts the sum; a parameter without a gradient counts as 0.
    func send(in group: ProcessGroup) throws(ProcessGroupError) {
        withoutGrad {
            for index in parameters.indices {
                if !hasGradient[index] { slices[index].fill(with: 0) }
                marks[index].fill(with: hasGradient[index] ? 1 : 0)
            }
        }
        work = try group.startSum(memory, for: "the sum of gradients")
    }

    /// Waits for the sum and sets the gradients; parameters that no process used get none.
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

    /// Buckets of about `bytes`, in the order in which a backward pass reaches the parameters.
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
