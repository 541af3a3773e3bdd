import CTorch
import Foundation

/// The operators that run: for the check of another version of libtorch, and for tests.
public enum OperatorLog {
    /// An operator that this module called, with its results.
    public struct Call {
        /// Name and overload, for example `add.Tensor`.
        public let name: String
        /// The tensors among the results.
        public let results: [Tensor]
    }

    private final class Receiver {
        let receive: (Call) -> Void

        init(_ receive: @escaping (Call) -> Void) {
            self.receive = receive
        }
    }

    /// Reports the operators that this module calls on this thread while `body` runs, without those
    /// of backward passes.
    ///
    /// - Parameters:
    ///   - receive: receives each call; it must not call operators.
    ///   - body: the computation.
    /// - Returns: what `body` returns.
    public static func observing<Result>(
        _ receive: @escaping (Call) -> Void, _ body: () throws -> Result
    ) rethrows -> Result {
        let receiver = Receiver(receive)
        let context = Unmanaged.passUnretained(receiver).toOpaque()
        ct_observe_calls(context) { context, name, results, count in
            guard let context, let name else { return }
            let tensors = (0..<Int(count)).compactMap { index in
                results?[index].map { Tensor(Handle(retaining: $0)) }
            }
            Unmanaged<Receiver>.fromOpaque(context).takeUnretainedValue()
                .receive(Call(name: String(cString: name), results: tensors))
        }
        defer { ct_observe_calls(nil, nil) }
        return try withExtendedLifetime(receiver, body)
    }

    /// Counts all operators that run during `body`, also those inside other operators and in
    /// backward passes, on this thread; a CPU's backward pass runs on the thread that starts it.
    ///
    /// - Parameter body: the computation.
    /// - Returns: what `body` returns, and the number of calls by name, for example
    ///   `aten::_to_copy`.
    public static func counting<Result>(
        _ body: () throws -> Result
    ) rethrows -> (result: Result, counts: [String: Int]) {
        ct_count_operators()
        var text: UnsafeMutablePointer<CChar>?
        let result: Result
        do {
            defer { text = ct_operator_counts() }
            result = try body()
        }
        defer { free(text) }
        let lines = (text.map { String(cString: $0) } ?? "").split(separator: "\n")
        let counts = lines.map { line -> (String, Int) in
            let words = line.split(separator: " ")
            return (String(words[0]), Int(words[words.count - 1]) ?? 0)
        }
        return (result, Dictionary(counts) { $0 + $1 })
    }

    /// The schema of an operator.
    ///
    /// - Parameter name: name and overload, for example `add.Tensor`.
    /// - Returns: the schema in libtorch's text form; nil if this libtorch has no such operator.
    public static func schema(of name: String) -> String? {
        guard let text = ct_operator_schema(name) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }
}
