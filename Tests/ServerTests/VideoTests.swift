import Foundation
import Imaging
import Testing

@testable import Server

extension ServerTests {
    @Suite("Cines of X-AnyLabeling")
    struct VideoTests {
        /// The bright square at a place, as a `data:` URL.
        private static func frame(left: Int, size: Int = 40) throws -> String {
            var pixels = (0..<size * size).map { UInt8(20 + $0 % 7) }
            for y in 20..<30 { for x in left..<left + 10 { pixels[size * y + x] = 200 } }
            let image = Image(width: size, height: size, channels: 1, pixels: pixels)
            return try "data:image/png;base64,\(Data(image.encodedPNG()).base64EncodedString())"
        }

        private func start(_ client: Client) async throws -> String {
            let frames = try (0..<4).map { "\"\(try Self.frame(left: 10 + 2 * $0))\"" }
            let reply = try await client.json(
                "POST", "/v1/video/init",
                #"{"model":"samus-video","frames":[\#(frames.joined(separator: ","))],"start_frame_index":0}"#
            )
            #expect(reply.status == 200, "\(reply.text)")
            let data = try #require(try reply.object()["data"] as? [String: Any])
            #expect(data["total_frames"] as? Int == 4)
            return try #require(data["session_id"] as? String)
        }

        private func events(_ reply: Reply) throws -> [[String: Any]] {
            try reply.text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("data: ") }.map
            {
                try #require(
                    try JSONSerialization.jsonObject(with: Data($0.dropFirst(6).utf8))
                        as? [String: Any])
            }
        }

        @Test("the model is listed for cines")
        func listed() async throws {
            let reply = try await withServer { try await $0.send("GET", "/v1/models") }
            let models = try #require(try reply.object()["data"] as? [String: [String: Any]])
            #expect(models["samus"]?["batch_processing_mode"] as? String == "default")
            #expect(models["samus-video"]?["batch_processing_mode"] as? String == "video")
        }

        @Test("points on one frame give the outlines of all frames from there on")
        func propagate() async throws {
            try await withServer { client in
                let session = try await start(client)
                let marked = try await client.json(
                    "POST", "/v1/video/prompt",
                    #"{"session_id":"\#(session)","model":"samus-video","frame_index":1,"points":[[0.4,0.6]],"point_labels":[1],"obj_id":10000,"params":{"epsilon_factor":0.001}}"#
                )
                #expect(marked.status == 200, "\(marked.text)")
                let data = try #require(try marked.object()["data"] as? [String: Any])
                let masks = try #require(data["masks"] as? [[String: Any]])
                #expect(
                    masks[0]["points"] as? [[Double]] == [
                        [22, 20], [22, 30], [12, 30], [12, 20], [22, 20],
                    ])
                let reply = try await client.json(
                    "POST", "/v1/video/propagate/stream",
                    #"{"session_id":"\#(session)","model":"samus-video","start_frame":1}"#)
                #expect(reply.status == 200)
                #expect(reply.headers["content-type"] == "text/event-stream")
                let events = try events(reply)
                #expect(
                    events.map { $0["type"] as? String } == [
                        "started", "progress", "progress", "progress", "completed",
                    ])
                #expect(events[0]["total_frames"] as? Int == 4)
                #expect(events[1...3].map { $0["current_frame"] as? Int } == [1, 2, 3])
                let results = try #require(events.last?["results"] as? [String: [String: Any]])
                #expect(results.keys.sorted() == ["1", "2", "3"])
                let last = try #require(results["3"]?["masks"] as? [[String: Any]])
                #expect(
                    last[0]["points"] as? [[Double]] == [
                        [26, 20], [26, 30], [16, 30], [16, 20], [26, 20],
                    ])
                let path = "/v1/video/cleanup/\(session)?model=samus-video"
                #expect(try await client.send("POST", path).status == 200)
                #expect(try await client.send("POST", path).status == 404)
            }
        }

        @Test("wrong requests have a status of their own and a reason")
        func refused() async throws {
            let (small, large) = (try Self.frame(left: 10), try Self.frame(left: 10, size: 48))
            try await withServer { client in
                let session = try await start(client)
                let s = #""session_id":"\#(session)","model":"samus-video""#
                let cases: [(path: String, body: String, status: Int, reason: String)] = [
                    ("init", #"{"model":"samus","frames":["\#(small)"]}"#, 404, "samus-video"),
                    ("init", #"{"model":"samus-video","frames":[]}"#, 422, "0 frames"),
                    (
                        "init", #"{"model":"samus-video","frames":["\#(small)","\#(large)"]}"#, 422,
                        "one size"
                    ),
                    ("init", #"{"model":"samus-video","frames":["x"]}"#, 400, "base64"),
                    ("prompt", "{\(s),\"frame_index\":9,\"points\":[[0.4,0.6]]}", 422, "frame 9"),
                    ("prompt", "{\(s),\"frame_index\":-1,\"points\":[[0.4,0.6]]}", 422, "frame -1"),
                    ("prompt", "{\(s),\"frame_index\":0,\"text_prompt\":\"heart\"}", 422, "a text"),
                    ("prompt", "{\(s),\"frame_index\":0,\"points\":[[0.4]]}", 422, "2 numbers"),
                    (
                        "prompt",
                        "{\(s),\"frame_index\":0,\"points\":[[0.4,0.6]],\"point_labels\":[1,0]}",
                        422, "2 labels"
                    ),
                    ("prompt", "{\(s),\"frame_index\":0,\"points\":[[7,0.6]]}", 422, "outside"),
                    (
                        "prompt",
                        #"{"session_id":"x","model":"samus-video","frame_index":0,"points":[[0.4,0.6]]}"#,
                        404, "no such session"
                    ),
                    ("propagate/stream", "{\(s)}", 422, "has a point"),
                    ("propagate/stream", "{\(s),\"start_frame\":3,\"end_frame\":1}", 422, "3 to 1"),
                    ("propagate/stream", "{\(s),\"end_frame\":99}", 422, "frames 0 to 3"),
                ]
                for (path, body, status, reason) in cases {
                    let reply = try await client.json("POST", "/v1/video/\(path)", body)
                    #expect(reply.status == status, "\(path) \(body.prefix(90)): \(reply.text)")
                    #expect(reply.error.contains(reason), "\(path): \(reply.error)")
                }
            }
        }
    }
}
