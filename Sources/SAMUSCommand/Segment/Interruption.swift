import Dispatch
import Foundation
import Synchronization

/// Ctrl-C and SIGTERM, asked about between pieces of work: what is begun is finished and written.
///
/// A second one ends the program at once.
public final class Interruption {
    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    private let flag = Flag()
    private let sources: [any DispatchSourceSignal]

    /// Listens from now on.
    ///
    /// - Parameter work: what is finished first, in words.
    public init(finishing work: String = "the picture at hand") {
        let flag = flag
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(
                signal: number, queue: .global(qos: .userInitiated))
            source.setEventHandler {
                if flag.isSet.exchange(true, ordering: .relaxed) {
                    _exit(Failure.interrupted.rawValue)
                }
                Terminal.complain("finishing \(work); once more to stop at once")
            }
            source.resume()
            return source
        }
    }

    /// Whether somebody wants the program to end.
    public var isRequested: Bool { flag.isSet.load(ordering: .relaxed) }
}
