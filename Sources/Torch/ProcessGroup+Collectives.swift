import CTorch

extension ProcessGroup {
    /// Starts to add a tensor up over all processes, in place.
    ///
    /// - Parameters:
    ///   - tensor: of one shape and type in all processes; left alone until the work has ended.
    ///   - work: what it is for, in an error's words.
    ///   - timeout: seconds it may take; nil for the group's own.
    /// - Returns: the work under way.
    /// - Throws: ``ProcessGroupError/refused(rank:work:reason:)``.
    public func startSum(
        _ tensor: Tensor, for work: String = "a sum over all processes", timeout: Double? = nil
    ) throws(ProcessGroupError) -> Collective {
        try start(work, on: tensor, timeout: timeout) { ct_group_sum($0, $1, $2, $3) }
    }

    /// Adds a tensor up over all processes, in place; see
    /// ``startSum(_:for:timeout:)``.
    public func sumInPlace(
        _ tensor: Tensor, for work: String = "a sum over all processes", timeout: Double? = nil
    ) throws(ProcessGroupError) {
        try startSum(tensor, for: work, timeout: timeout).wait()
    }

    /// Takes the mean of a floating point tensor over all processes, in place.
    public func meanInPlace(
        _ tensor: Tensor, for work: String = "a mean over all processes", timeout: Double? = nil
    ) throws(ProcessGroupError) {
        withoutGrad { tensor.assign(from: tensor / Double(size)) }
        try sumInPlace(tensor, for: work, timeout: timeout)
    }

    /// Gives all processes the tensor of one of them, in place.
    ///
    /// - Parameters:
    ///   - tensor: of one shape and type in all processes.
    ///   - root: the rank whose elements all get.
    ///   - work: what it is for, in an error's words.
    ///   - timeout: seconds it may take; nil for the group's own.
    /// - Throws: ``ProcessGroupError`` when another process has gone.
    public func broadcast(
        _ tensor: Tensor, from root: Int = 0, for work: String = "a broadcast",
        timeout: Double? = nil
    ) throws(ProcessGroupError) {
        try start(work, on: tensor, timeout: timeout) {
            ct_group_broadcast($0, $1, Int32(root), $2, $3)
        }.wait()
    }

    /// The tensors of all processes, in the order of their ranks.
    ///
    /// - Parameters:
    ///   - tensor: of one shape and type in all processes.
    ///   - work: what it is for, in an error's words.
    ///   - timeout: seconds it may take; nil for the group's own.
    /// - Returns: as many tensors as processes, on the CPU.
    /// - Throws: ``ProcessGroupError`` when another process has gone.
    public func gather(
        _ tensor: Tensor, for work: String = "a gathering", timeout: Double? = nil
    ) throws(ProcessGroupError) -> [Tensor] {
        let results = (0..<size).map { _ in Tensor.empty(tensor.shape, dtype: tensor.dtype) }
        try start(work, on: tensor, timeout: timeout) { group, raw, limit, result in
            withExtendedLifetime(results) {
                let places = results.map { Optional($0.handle.raw) }
                return places.withUnsafeBufferPointer {
                    ct_group_gather(group, raw, $0.baseAddress, limit, result)
                }
            }
        }.wait()
        return results
    }

    /// Lists of bytes of all processes, of any lengths, in the order of their ranks.
    ///
    /// - Parameters:
    ///   - bytes: this process's.
    ///   - work: what it is for, in an error's words.
    /// - Returns: as many lists as processes.
    /// - Throws: ``ProcessGroupError`` when another process has gone.
    public func gather(
        bytes: [UInt8], for work: String = "a gathering"
    ) throws(ProcessGroupError) -> [[UInt8]] {
        let counts = try gather(Tensor([bytes.count]), for: work).map { Int($0.item()) }
        let longest = counts.max() ?? 0
        guard longest > 0 else { return counts.map { _ in [] } }
        let padding = [UInt8](repeating: 0, count: longest - bytes.count)
        let all = try gather(Tensor(bytes + padding), for: work)
        return zip(all, counts).map { Array($0.elements(as: UInt8.self).prefix($1)) }
    }

    /// Waits until all processes are here.
    ///
    /// - Parameter timeout: seconds to wait; nil for the group's own. More than that is needed where
    ///   one process works while the others wait.
    /// - Throws: ``ProcessGroupError`` when another process has gone, or does not come.
    public func barrier(timeout: Double? = nil) throws(ProcessGroupError) {
        try start("a barrier", on: .zeros([1]), timeout: timeout) { group, _, limit, result in
            ct_group_barrier(group, limit, result)
        }.wait()
    }

    /// The sum over all processes, differentiable: what a loss pooled over all of them needs.
    ///
    /// Let rank r of R have the summands `S_r(w)` of the weights w, and all have the loss
    /// `L = f(S_1 + … + S_R)`. Its gradient is `f' · Σ_r dS_r/dw`. Each rank differentiates only its
    /// own summand, and ``ProcessGroup`` users then *average* gradients over the ranks, so that each
    /// must contribute `R · f' · dS_r/dw`: the gradient passes back times R, as the adjoint of a sum
    /// that all ranks receive (Σ over ranks of the gradient, R equal ones). Nothing is sent backward.
    ///
    /// A loss `a · B + b · f(Σ S)` with `B` a mean over this rank's pictures thus gets the gradient of
    /// one process with all pictures, where all ranks have as many of them; where they have not, pool
    /// sum and count of `B` likewise.
    ///
    /// All ranks must use the sum alike: `f` is the same function on each.
    ///
    /// - Parameters:
    ///   - tensor: the summands of this rank, as overlap and areas in one tensor: one message for all.
    ///   - work: what it is for, in an error's words.
    /// - Returns: a tensor of the same shape, equal to the last bit on all ranks.
    /// - Throws: ``ProcessGroupError`` when another process has gone.
    public func sum(
        _ tensor: Tensor, for work: String = "the pooling of a loss"
    ) throws(ProcessGroupError) -> Tensor {
        let total = tensor.detached().clone()
        try sumInPlace(total, for: work)
        guard tensor.requiresGrad, isGradEnabled else { return total }
        // The second summand is 0 and carries the gradient.
        return total + (tensor - tensor.detached()) * Double(size)
    }
}
