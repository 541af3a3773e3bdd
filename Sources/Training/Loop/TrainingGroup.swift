import Torch

/// The processes that train together.
public protocol TrainingGroup: AnyObject {
    /// This process's number.
    var rank: Int { get }
    /// How many there are.
    var count: Int { get }
    /// Adds a tensor up over all processes, gradients too.
    ///
    /// - Throws: when another process is lost.
    func pool(_ tensor: Tensor) throws -> Tensor
    /// Called before each backward pass.
    ///
    /// - Parameter isLast: whether the gradients are exchanged in this one.
    func willRunBackward(isLast: Bool)
    /// Waits until all gradients are the means over all processes.
    ///
    /// - Throws: when another process is lost.
    func finishGradients() throws
}
