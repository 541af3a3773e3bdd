import Foundation
import Imaging
import Testing

extension ServerTests {
    @Suite("Keys that are not known")
    struct UnknownKeysTests {
        /// Bodies with one wrong key each, at every depth that the interface has.
        private static let bodies: [(method: String, path: String, body: String)] = [
            ("POST", "/v1/segment", #"{"image":"AAAA","wrong":1}"#),
            ("POST", "/v1/segment", #"{"image":"AAAA","clicks":[{"x":1,"y":2,"wrong":1}]}"#),
            (
                "POST", "/v1/segment",
                #"{"image":"AAAA","mask_input":{"size":[1,1],"counts":"1","wrong":1}}"#
            ),
            ("POST", "/v1/images", #"{"image":"AAAA","wrong":1}"#),
            ("POST", "/v1/images/{id}/segment", #"{"clicks":[],"wrong":1}"#),
            ("POST", "/v1/images/{id}/track", #"{"prompts":[],"wrong":1}"#),
            ("POST", "/v1/images/{id}/track", #"{"prompts":[{"frame":1,"wrong":1}]}"#),
            (
                "POST", "/v1/images/{id}/track",
                #"{"prompts":[{"frame":1,"clicks":[{"x":1,"y":2,"wrong":1}]}]}"#
            ),
            ("PUT", "/v1/images/{id}/annotation", #"{"objects":[],"wrong":1}"#),
            (
                "PUT", "/v1/images/{id}/annotation",
                #"{"objects":[{"label":"a","mask":{"size":[1,1],"counts":"1"},"wrong":1}]}"#
            ),
            (
                "PUT", "/v1/images/{id}/annotation",
                #"{"objects":[{"label":"a","mask":{"size":[1,1],"counts":"1","wrong":1}}]}"#
            ),
            (
                "PUT", "/v1/images/{id}/annotation",
                #"{"objects":[{"label":"a","mask":{"size":[1,1],"counts":"1"},"clicks":[{"x":1,"y":2,"foreground":true,"wrong":1}]}]}"#
            ),
            (
                "PUT", "/v1/images/{id}/annotation",
                #"{"objects":[{"label":"a","mask":{"size":[1,1],"counts":"1"},"model":{"name":"m","sha256":"0","wrong":1}}]}"#
            ),
            ("POST", "/v1/training", #"{"epochs":1,"wrong":1}"#),
            ("POST", "/v1/training/model", #"{"use":"trained","wrong":1}"#),
            ("POST", "/v1/images/{id}/seg", #"{"segments":[],"wrong":1}"#),
            ("POST", "/v1/images/{id}/seg", #"{"segments":[{"label":"a","masks":[],"wrong":1}]}"#),
            (
                "POST", "/v1/images/{id}/seg",
                #"{"segments":[{"label":"a","masks":[{"frame":1,"size":[1,1],"counts":"1","wrong":1}]}]}"#
            ),
        ]

        @Test("are refused at every depth, with those that are known")
        func refused() async throws {
            let cine = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../Fixtures/dicom/jpeg-cine.dcm").standardizedFileURL
            try await withFolder { folder in
                try squareImage().write(to: "\(folder)/a.png")
                try await withServer({ $0.dataFolder = folder }) { client in
                    let uploaded = try await client.send(
                        "POST", "/v1/images", body: [UInt8](Data(contentsOf: cine)))
                    let id = try #require(try uploaded.object()["id"] as? String)
                    for (method, path, body) in Self.bodies {
                        let reply = try await client.json(
                            method, path.replacing("{id}", with: id), body)
                        #expect(reply.status == 400, "\(path) \(body): \(reply.text)")
                        #expect(
                            reply.error.contains("'wrong' is not known; known are"),
                            "\(path) \(body): \(reply.error)")
                    }
                }
            }
        }
    }
}
