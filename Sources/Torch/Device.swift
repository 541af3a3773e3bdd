import CTorch

/// Where a tensor's memory lies and its operators run.
public struct Device: Hashable, Sendable, CustomStringConvertible {
    /// The kind of processor.
    public enum Kind: String, Sendable, CaseIterable {
        case cpu, cuda, mps
        /// Shapes without memory, to compute sizes only.
        case meta
    }

    /// The kind of processor.
    public let kind: Kind
    /// Which one of several; nil means the current one.
    public let index: Int?

    /// A device of a kind.
    public init(_ kind: Kind, index: Int? = nil) {
        self.kind = kind
        self.index = index
    }

    /// A device by PyTorch's name, as `cpu`, `cuda`, `cuda:1` or `mps`.
    ///
    /// - Parameter name: the name; the result is nil when it is not of that form.
    public init?(_ name: String) {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard let first = parts.first, let kind = Kind(rawValue: String(first)), parts.count <= 2
        else { return nil }
        guard parts.count == 2 else {
            self.init(kind)
            return
        }
        guard let index = Int(parts[1]), index >= 0 else { return nil }
        self.init(kind, index: index)
    }

    /// The processor itself.
    public static let cpu = Device(.cpu)
    /// The current NVIDIA GPU.
    public static let cuda = Device(.cuda)
    /// Apple's GPU.
    public static let mps = Device(.mps)

    /// PyTorch's name of it.
    public var description: String {
        index.map { "\(kind.rawValue):\($0)" } ?? kind.rawValue
    }

    /// Makes sure that this build of libtorch can use the device on this machine.
    ///
    /// - Throws: ``TorchError`` with libtorch's reason.
    public func check() throws(TorchError) {
        guard let message = ct_check_device(description) else { return }
        throw TorchError(op: "use of device '\(description)'", shapes: [], taking: message)
    }
}
