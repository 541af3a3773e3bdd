import FileIO
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

extension Request {
    /// Reads the whole body, within the limits of size and time.
    ///
    /// - Throws: ``RequestError``; the connection is closed after it, because the rest of the body
    ///   is not read.
    func bytes(_ context: ServerContext, _ limits: ServerConfiguration.Limits) async throws
        -> [UInt8]
    {
        let tooLarge = RequestError(
            .contentTooLarge,
            "the request has more than \(limits.bodyBytes) bytes, which is the limit of this server"
        )
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > limits.bodyBytes {
            context.closeSoon()
            throw tooLarge
        }
        let channel = context.channel
        let deadline = channel.eventLoop.scheduleTask(in: .seconds(Int64(limits.bodySeconds))) {
            channel.close(promise: nil)
        }
        defer { deadline.cancel() }
        do {
            let buffer = try await body.collect(upTo: limits.bodyBytes)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            context.closeSoon()
            throw tooLarge
        } catch {
            throw RequestError.badRequest("the request ended before its body")
        }
    }
}

extension Request {
    /// A parameter of the query; nil where there is none.
    ///
    /// - Throws: ``RequestError`` if it occurs twice.
    func query(_ name: Substring) throws(RequestError) -> Substring? {
        let values = uri.queryParameters[values: name]
        guard values.count <= 1 else { throw .badRequest("the query has \(name) twice") }
        return values.first
    }
}

extension ServerContext {
    /// Closes the connection once the answer has been sent, so that no unread body follows.
    func closeSoon() {
        let channel = channel
        channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
    }
}

extension Response {
    /// An answer of JSON with snake_case keys, or with exact ones for other programs' formats.
    static func json(
        _ value: some Encodable, status: HTTPResponse.Status = .ok, keys: JSON.Keys = .snakeCase
    ) throws -> Response {
        data(try JSON.encode(value, keys: keys), type: "application/json", status: status)
    }

    /// An answer of any type, with a fixed length.
    static func data(
        _ bytes: some Collection<UInt8>, type: String, status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type],
            body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// An error as `{"error": "…"}`.
    static func error(_ error: RequestError) -> Response {
        struct Body: Encodable {
            let error: String
            /// The key of FastAPI, which clients of MONAI Label read.
            let detail: String
        }
        let body =
            (try? JSON.encode(Body(error: error.message, detail: error.message)))
            ?? Array(#"{"error":"the server failed"}"#.utf8)
        var response = data(body, type: "application/json", status: error.status)
        if let seconds = error.retryAfter { response.headers[.retryAfter] = "\(seconds)" }
        return response
    }
}
