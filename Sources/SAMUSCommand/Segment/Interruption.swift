import Dispatch
import Foundation
import Synchronization

/// Ctrl-C and SIGTERM, asked about between pictures: what is begun is finished and written.
///
/// A second one ends the program at once.
final class Interruption {
    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    private let flag = Flag()
    private let sources: [any DispatchSourceSignal]

    init() {
        let flag = flag
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(
                signal: number, queue: .global(qos: .userInitiated))
            source.setEventHandler {
                if flag.isSet.exchange(true, ordering: .relaxed) {
                    _exit(Failure.interrupted.rawValue)
                }
                Terminal.complain("finishing the picture at hand; once more to stop at once")
            }
            source.resume()
            return source
        }
    }

    var isRequested: Bool { flag.isSet.load(ordering: .relaxed) }
}
