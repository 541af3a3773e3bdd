import Foundation
import Synchronization

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// An answer to an HTTP request.
struct HTTPAnswer: Sendable {
    let status: Int
    let contentType: String
    /// Seconds of the header Retry-After.
    let retryAfter: Double?
    let body: [UInt8]
}

/// Sends requests one after the other, with a limit for the size of answers.
///
/// Certificates are checked by the system. Redirections are not followed: they would take the
/// credentials and the patients' data to another address.
final class HTTPClient: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private struct State {
        /// The session of the current request: an older one may still report its end.
        var session: ObjectIdentifier?
        var body: [UInt8] = []
        var response: HTTPURLResponse?
        var limit = 0
        var isTooLarge = false
        var failure: (any Error)?
        var done: DispatchSemaphore?
    }

    /// In seconds.
    private static let longestRequest = 3600.0

    private let state = Mutex(State())
    private let timeout: TimeInterval

    /// - Parameter timeout: the longest wait without a byte, in seconds.
    init(timeout: TimeInterval) {
        self.timeout = timeout
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// - Parameters:
    ///   - request: the request.
    ///   - limit: the largest accepted body in bytes.
    /// - Returns: the answer, of any status.
    /// - Throws: ``DICOMWebError``.
    func send(_ request: URLRequest, limit: Int) throws(DICOMWebError) -> HTTPAnswer {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpShouldSetCookies = false
        configuration.urlCache = nil
        configuration.timeoutIntervalForRequest = timeout
        let session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
        defer { session.invalidateAndCancel() }
        let done = DispatchSemaphore(value: 0)
        state.withLock {
            $0 = State(session: ObjectIdentifier(session), limit: limit, done: done)
        }
        session.dataTask(with: request).resume()
        let host = request.url?.host ?? ""
        guard done.wait(timeout: .now() + Self.longestRequest) == .success else {
            throw .unreachable(host, reason: "no complete answer within an hour")
        }
        return try state.withLock { state throws(DICOMWebError) in
            if state.isTooLarge { throw .tooLarge(limit: limit) }
            let isRefused = state.response?.statusCode == 401
            guard let response = state.response, state.failure == nil || isRefused else {
                let reason = state.failure.map { "\($0.localizedDescription)" } ?? "no answer"
                throw .unreachable(host, reason: reason)
            }
            defer { state.body = [] }
            let retry = response.value(forHTTPHeaderField: "Retry-After").flatMap { Double($0) }
            return HTTPAnswer(
                status: response.statusCode,
                contentType: response.value(forHTTPHeaderField: "Content-Type") ?? "",
                retryAfter: retry, body: state.body)
        }
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
        completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        let isAllowed = state.withLock { state in
            guard state.session == ObjectIdentifier(session) else { return false }
            state.response = response as? HTTPURLResponse
            state.isTooLarge = response.expectedContentLength > Int64(state.limit)
            guard state.response?.statusCode != 401 else {
                // On Linux a session waits for credentials then, and never reports its end.
                state.done?.signal()
                return false
            }
            return !state.isTooLarge
        }
        completionHandler(isAllowed ? .allow : .cancel)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let isTooLarge = state.withLock { state in
            guard !state.isTooLarge, state.session == ObjectIdentifier(session) else { return true }
            if state.body.count + data.count > state.limit {
                state.isTooLarge = true
                state.body = []
            } else {
                state.body.append(contentsOf: data)
            }
            return state.isTooLarge
        }
        if isTooLarge { dataTask.cancel() }
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
    ) {
        state.withLock { state in
            guard state.session == ObjectIdentifier(session) else { return }
            state.failure = error
            state.done?.signal()
        }
    }
}
