import FileIO
import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A DICOMweb server: an archive that is asked for series (QIDO-RS), sends files (WADO-RS) and stores
/// them (STOW-RS).
public final class DICOMWebClient {
    /// How the client shows who it is.
    public enum Credentials: Equatable, Sendable {
        case none
        case token(String)
        case password(user: String, password: String)

        /// Reads `SAMUS_PACS_TOKEN`, or `SAMUS_PACS_USER` and `SAMUS_PACS_PASSWORD`.
        ///
        /// - Parameter environment: the variables.
        public init(environment: [String: String]) {
            if let token = environment["SAMUS_PACS_TOKEN"], !token.isEmpty {
                self = .token(token)
            } else if let user = environment["SAMUS_PACS_USER"], !user.isEmpty {
                self = .password(
                    user: user, password: environment["SAMUS_PACS_PASSWORD"] ?? "")
            } else {
                self = .none
            }
        }

        /// The header Authorization.
        var header: String? {
            switch self {
            case .none: nil
            case .token(let token): "Bearer \(token)"
            case .password(let user, let password):
                "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
            }
        }
    }

    /// The largest answer to a query, and to a storing.
    private static let largestList = 64 << 20
    /// Results of one query page.
    private static let page = 100
    /// The largest number of results of a query.
    public static let mostResults = 100_000
    private static let attempts = 4

    private let root: URL
    private let credentials: Credentials
    private let client: HTTPClient
    private let largestFile: Int

    /// - Parameters:
    ///   - address: the root of the service, for example `https://pacs.example/dicom-web`.
    ///   - credentials: sent with each request.
    ///   - allowsPlainHTTP: whether `http` is accepted for other machines than this one.
    ///   - largestFile: the largest file that is fetched, in bytes.
    ///   - timeout: the longest wait without a byte, in seconds.
    /// - Throws: ``DICOMWebError/badAddress(_:reason:)``.
    public init(
        _ address: String, credentials: Credentials, allowsPlainHTTP: Bool,
        largestFile: Int = 512 << 20, timeout: Double = 60
    ) throws(DICOMWebError) {
        guard let url = URL(string: address), let scheme = url.scheme?.lowercased(),
            scheme == "http" || scheme == "https", let host = url.host, !host.isEmpty
        else {
            throw .badAddress(address, reason: "an address https://HOST/PATH is needed")
        }
        guard url.user == nil, url.password == nil else {
            throw .badAddress(
                "\(scheme)://…", reason: "credentials come from the environment, not the address")
        }
        guard url.query == nil, url.fragment == nil else {
            throw .badAddress(address, reason: "it must not contain '?' or '#'")
        }
        let isLocal = ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host.lowercased())
        guard scheme == "https" || isLocal || allowsPlainHTTP else {
            throw .badAddress(
                address,
                reason: "http sends patients' data unencrypted: use https, or --allow-http in a "
                    + "network that you trust")
        }
        guard credentials == .none || scheme == "https" || isLocal else {
            throw .badAddress(address, reason: "credentials are sent by https only")
        }
        root = url
        self.credentials = credentials
        client = HTTPClient(timeout: timeout)
        self.largestFile = largestFile
    }

    /// Asks for objects, page by page.
    ///
    /// - Parameters:
    ///   - path: below the root, for example `series`.
    ///   - filters: keywords or tags with their values.
    ///   - limit: the largest number of results.
    /// - Returns: the results in the server's order.
    /// - Throws: ``DICOMWebError``.
    public func query(
        _ path: String, filters: [(name: String, value: String)], limit: Int = mostResults
    ) throws(DICOMWebError) -> [DICOMJSON] {
        var results: [DICOMJSON] = []
        while results.count < limit {
            let count = min(Self.page, limit - results.count)
            let items =
                filters + [("limit", "\(count)"), ("offset", "\(results.count)")]
            var request = try request(path, items)
            request.setValue("application/dicom+json", forHTTPHeaderField: "Accept")
            let answer = try send(request, what: "a query", limit: Self.largestList)
            guard answer.status != 204, !answer.body.isEmpty else { return results }
            guard let found = try? JSONDecoder().decode([DICOMJSON].self, from: Data(answer.body))
            else { throw .badAnswer("the result of a query is not DICOM JSON") }
            // A server that does not know 'offset' sends the same page again.
            let isSame = !results.isEmpty && found.first == results.first
            guard !found.isEmpty, !isSame else { return results }
            results += found.prefix(limit - results.count)
            if found.count != count { return results }
        }
        return results
    }

    /// Fetches one file, in the transfer syntax in which the server has it.
    ///
    /// - Parameters:
    ///   - study: Study Instance UID.
    ///   - series: Series Instance UID.
    ///   - instance: SOP Instance UID.
    /// - Returns: the file.
    /// - Throws: ``DICOMWebError``.
    public func fetch(
        study: String, series: String, instance: String
    ) throws(DICOMWebError) -> [UInt8] {
        var request = try request(
            "studies/\(study)/series/\(series)/instances/\(instance)", [])
        // Without the '*' a server may have to convert the file, and fails or changes pixels.
        request.setValue(
            #"multipart/related; type="application/dicom"; transfer-syntax=*"#,
            forHTTPHeaderField: "Accept")
        let answer = try send(request, what: "fetching a file", limit: largestFile)
        let parts = try MultipartRelated(answer.body, contentType: answer.contentType).parts
        guard parts.count == 1 else {
            throw .badAnswer("\(parts.count) files were sent for one")
        }
        return Array(parts[0])
    }

    /// Stores one file.
    ///
    /// - Parameters:
    ///   - file: a DICOM file.
    ///   - instance: its SOP Instance UID.
    /// - Throws: ``DICOMWebError``, also when the server refuses the file.
    public func store(_ file: [UInt8], instance: String) throws(DICOMWebError) {
        // The digits of a UID that no other file contains.
        let boundary = "samus-" + SHA256.hexDigest(of: file).prefix(40)
        var request = try request("studies", [])
        request.httpMethod = "POST"
        request.setValue(
            #"multipart/related; type="application/dicom"; boundary=\#(boundary)"#,
            forHTTPHeaderField: "Content-Type")
        request.setValue("application/dicom+json", forHTTPHeaderField: "Accept")
        request.httpBody = Data(
            MultipartRelated.body(of: [file], type: "application/dicom", boundary: boundary))
        let answer = try send(request, what: "storing a file", limit: Self.largestList)
        let result = try? JSONDecoder().decode(DICOMJSON.self, from: Data(answer.body))
        // Failed SOP Sequence and Failure Reason.
        if let failed = result?.items("00081198").first {
            let reason = failed.number("00081197").map { "failure reason \($0)" } ?? ""
            throw .status(answer.status, what: "storing \(instance)", detail: reason)
        }
    }

    /// Whether the server has an object, as far as it can be asked.
    ///
    /// - Parameter instance: SOP Instance UID.
    /// - Returns: false also where the server cannot be asked for objects: it may still store them.
    /// - Throws: ``DICOMWebError``.
    public func has(_ instance: String) throws(DICOMWebError) -> Bool {
        do throws(DICOMWebError) {
            return try query(
                "instances", filters: [("SOPInstanceUID", instance)], limit: 1
            ).contains { $0.uid("00080018") == instance }
        } catch {
            if case .status(let status, _, _) = error, [400, 404, 405, 501].contains(status) {
                return false
            }
            throw error
        }
    }

    private func request(
        _ path: String, _ items: [(name: String, value: String)]
    ) throws(DICOMWebError) -> URLRequest {
        var components = URLComponents(
            url: root.appendingPathComponent(path), resolvingAgainstBaseURL: false)
        if !items.isEmpty {
            components?.queryItems = items.map { URLQueryItem(name: $0.name, value: $0.value) }
            // A '+' in a query means a space to many servers.
            let query = components?.percentEncodedQuery?.replacing("+", with: "%2B")
            components?.percentEncodedQuery = query
        }
        guard let url = components?.url else {
            throw .badAddress(path, reason: "it cannot be part of an address")
        }
        var request = URLRequest(url: url)
        if let header = credentials.header {
            request.setValue(header, forHTTPHeaderField: "Authorization")
        }
        return request
    }

    /// Sends a request; tries again where that may help.
    private func send(
        _ request: URLRequest, what: String, limit: Int
    ) throws(DICOMWebError) -> HTTPAnswer {
        var delay = 1.0
        for attempt in 1...Self.attempts {
            do throws(DICOMWebError) {
                let answer = try client.send(request, limit: limit)
                if (200...299).contains(answer.status) { return answer }
                if answer.status == 401 || answer.status == 403 {
                    throw .refused(status: answer.status)
                }
                delay = max(delay, min(answer.retryAfter ?? 0, 60))
                throw .status(answer.status, what: what, detail: Self.detail(answer))
            } catch {
                guard error.isTemporary, attempt < Self.attempts else { throw error }
            }
            Thread.sleep(forTimeInterval: delay)
            delay *= 2
        }
        throw .unreachable(root.host ?? "", reason: "no answer")
    }

    /// The first line of an error's text.
    private static func detail(_ answer: HTTPAnswer) -> String {
        guard answer.status / 100 != 3 else { return "a redirection, which is not followed" }
        let text = String(decoding: answer.body.prefix(300), as: UTF8.self)
        guard !text.hasPrefix("<") else { return "" }
        return text.replacing(/\s+/, with: " ").visibleLine
    }
}
