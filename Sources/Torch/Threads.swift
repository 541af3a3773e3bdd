import CTorch

/// What this process gave libtorch to work with.
public enum TorchRuntime {
    /// Threads that one operator may use, from whatever thread it is called; positive.
    public static var threads: Int {
        get { Int(ct_threads()) }
        set {
            precondition(newValue > 0, "\(newValue) threads do no work")
            guard let message = ct_set_threads(Int32(newValue)) else { return }
            fatalError(TorchError(op: "set_num_threads", shapes: [], taking: message).description)
        }
    }

    /// libtorch's version, as `2.13.0`.
    public static var version: String {
        String(cString: ct_version())
    }
}
