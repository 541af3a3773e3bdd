import DICOM
import FileIO
import Foundation
import Imaging
import Testing

@testable import Server

extension ServerTests {
    @Suite("Drafts, pages of the list, and DICOM SEG")
    struct DraftTests {
        private static let fixtures = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures")

        private func ids(_ client: Client, query: String = "") async throws -> [String] {
            let listed = try await client.send("GET", "/v1/images\(query)").object()
            return try #require(listed["images"] as? [[String: Any]]).compactMap {
                $0["id"] as? String
            }
        }

        private func put(
            _ client: Client, _ id: String, _ text: String, tag: String? = nil
        ) async throws -> Reply {
            try await client.send(
                "PUT", "/v1/images/\(id)/draft",
                headers: [("Content-Type", "application/json")]
                    + (tag.map { [("If-Match", $0)] } ?? []),
                body: Array(text.utf8))
        }

        private func draft(_ estimate: Double, _ share: Double) -> String {
            #"{"format_version":1,"frames":{"1":{"current":0,"objects":[{"label":"a","facts":"#
                + #"{"iou_estimate":\#(estimate),"uncertain_share":\#(share)}}]}},"past":[]}"#
        }

        @Test("a draft is saved as it is, and a version that was not seen is not overwritten")
        func drafts() async throws {
            try await withFolder { folder in
                try squareImage().write(to: "\(folder)/a.png")
                try await withServer({ $0.dataFolder = folder }) { client in
                    let id = try #require(try await ids(client).first)
                    let path = "/v1/images/\(id)/draft"
                    let none = try await client.send("GET", path)
                    #expect(none.status == 204)
                    let first = try await put(client, id, draft(0.8, 0.1))
                    #expect(first.status == 204, "\(first.text)")
                    let tag = try #require(first.headers["etag"])
                    let loaded = try await client.send("GET", path)
                    #expect(loaded.text == draft(0.8, 0.1))
                    #expect(loaded.headers["etag"] == tag)
                    let blind = try await put(client, id, draft(0.7, 0.1))
                    #expect(blind.status == 409)
                    let stale = try await put(client, id, draft(0.7, 0.1), tag: "\"old\"")
                    #expect(stale.status == 409)
                    #expect(stale.error.contains("another tab or person"))
                    let next = try await put(client, id, draft(0.7, 0.1), tag: tag)
                    #expect(next.status == 204)
                    let listed = try await client.send("GET", "/v1/images").object()
                    let entry = (listed["images"] as? [[String: Any]])?.first
                    #expect(entry?["draft"] as? Bool == true)

                    for (body, status) in [
                        ("[]", 400), ("{}", 400), (#"{"format_version":1}"#, 400),
                        (#"{"format_version":2,"frames":{}}"#, 422),
                    ] {
                        let reply = try await put(client, id, body, tag: next.headers["etag"])
                        #expect(reply.status == status, "\(body): \(reply.text)")
                    }
                    let removed = try await client.send(
                        "DELETE", path, headers: [("If-Match", next.headers["etag"] ?? "")])
                    #expect(removed.status == 204)
                    let gone = try await client.send("GET", path)
                    #expect(gone.status == 204)
                }
                let left = try FileManager.default.contentsOfDirectory(
                    atPath: "\(folder)/samus-results/drafts")
                #expect(left == [])
            }
        }

        @Test("the draft of an image that was replaced does not appear")
        func replaced() async throws {
            try await withFolder { folder in
                try squareImage().write(to: "\(folder)/a.png")
                try await withServer({ $0.dataFolder = folder }) { client in
                    let id = try #require(try await ids(client).first)
                    let saved = try await put(client, id, draft(0.8, 0.1))
                    #expect(saved.status == 204)
                    try Image(
                        width: 50, height: 50, channels: 1,
                        pixels: (0..<2500).map { UInt8($0 % 251) }
                    ).write(to: "\(folder)/a.png")
                    let reply = try await client.send("GET", "/v1/images/\(id)/draft")
                    #expect(reply.status == 204)
                }
            }
        }

        @Test("two servers that save at the same time: one version wins, and the other is told")
        func together() async throws {
            try await withFolder { folder in
                try squareImage().write(to: "\(folder)/a.png")
                try await withServer({ $0.dataFolder = folder }) { one in
                    try await withServer({ $0.dataFolder = folder }) { other in
                        let id = try #require(try await ids(one).first)
                        var tag: String?
                        for round in 0..<10 {
                            let seen = tag
                            async let first = put(one, id, draft(0.1, Double(round)), tag: seen)
                            async let second = put(other, id, draft(0.2, Double(round)), tag: seen)
                            let replies = try await [first, second]
                            #expect(replies.map(\.status).sorted() == [204, 409])
                            tag = replies.first { $0.status == 204 }?.headers["etag"]
                        }
                    }
                }
            }
        }

        @Test("active learning asks for the drafts of which the model was least sure")
        func activeLearning() async throws {
            try await withFolder { folder in
                for name in ["a", "b", "c", "d"] {
                    try squareImage().write(to: "\(folder)/\(name).png")
                }
                try await withServer({ $0.dataFolder = folder }) { client in
                    func next(_ strategy: String) async throws -> String? {
                        try await client.json("POST", "/activelearning/\(strategy)", "{}")
                            .object()["name"] as? String
                    }
                    #expect(try await next("least_confident") == "a.png")
                    let ids = try await ids(client)
                    for (id, values) in zip(ids, [(0.9, 0.1), (0.5, 0.2), (0.7, 0.6)]) {
                        let reply = try await put(client, id, draft(values.0, values.1))
                        #expect(reply.status == 204)
                    }
                    #expect(try await next("least_confident") == "b.png")
                    #expect(try await next("most_uncertain_area") == "c.png")
                    #expect(try await next("first") == "a.png")
                }
            }
        }

        @Test("the list has pages and a search")
        func pages() async throws {
            try await withFolder { folder in
                for index in 0..<7 { try squareImage().write(to: "\(folder)/scan\(index).png") }
                try squareImage().write(to: "\(folder)/Other.png")
                try await withServer({ $0.dataFolder = folder }) { client in
                    let all = try await ids(client)
                    #expect(all.count == 8)
                    #expect(try await ids(client, query: "?limit=3&offset=3") == Array(all[3..<6]))
                    #expect(
                        try await ids(client, query: "?limit=3&around=\(all[7])")
                            == Array(all[6..<8]))
                    let found = try await client.send("GET", "/v1/images?search=SCAN&limit=2")
                        .object()
                    #expect(found["total"] as? Int == 7)
                    #expect(found["files"] as? Int == 8)
                    #expect(try await ids(client, query: "?search=other").count == 1)
                    #expect(try await ids(client, query: "?search=none").isEmpty)
                }
            }
        }

        @Test("masks of a cine become a DICOM SEG that is read back with the same masks")
        func segmentation() async throws {
            let cine = [UInt8](
                try Data(contentsOf: Self.fixtures.appending(path: "dicom/jpeg-cine.dcm")))
            let seg = try await withServer { client in
                let image = try await client.send("POST", "/v1/images", body: cine).object()
                let id = try #require(image["id"] as? String)
                let (width, height) = (
                    try #require(image["width"] as? Int), try #require(image["height"] as? Int)
                )
                let size = "[\(height),\(width)]"
                let area = width * height
                let mask = RunLength(
                    size: Size(height: height, width: width), counts: [5, 20, area - 25])
                let counts = try #require(mask).compressed.replacing("\\", with: "\\\\")
                func body(_ size: String, frame: Int = 2) -> String {
                    #"{"segments":[{"label":"lesion","masks":[{"frame":1,"size":\#(size),"counts":"#
                        + #""\#(counts)"},{"frame":\#(frame),"size":\#(size),"counts":"\#(counts)"}]}]}"#
                }
                for (wrong, status) in [
                    (body("[1,2]"), 422), (body(size, frame: 99), 422), (body(size, frame: 1), 422),
                    (#"{"segments":[]}"#, 422), (#"{"segments":[{"label":"a","masks":[]}]}"#, 422),
                    (#"{"segments":[],"colour":1}"#, 400),
                ] {
                    let reply = try await client.json("POST", "/v1/images/\(id)/seg", wrong)
                    #expect(reply.status == status, "\(reply.text)")
                }
                let reply = try await client.json("POST", "/v1/images/\(id)/seg", body(size))
                #expect(reply.status == 200, "\(reply.text)")
                #expect(reply.headers["content-type"] == "application/dicom")
                return (reply.body, mask)
            }
            try await withFolder { folder in
                let path = "\(folder)/a.dcm"
                try Data(seg.0).write(to: URL(filePath: path))
                let file = try DICOMSegmentationFile.read(path)
                #expect(file.labels == [1: "lesion"])
                #expect(file.frames.map(\.frame) == [1, 2])
                #expect(try file.masks() == [seg.1, seg.1])
                let described = try DICOMFile.read(path)
                #expect(described.sopClass == DICOMSegmentationFile.sopClass)
            }
        }

        @Test("an image of another format has no DICOM SEG, and the answer says why")
        func notDICOM() async throws {
            try await withServer { client in
                let image = try await client.send("POST", "/v1/images", body: squarePNG()).object()
                let id = try #require(image["id"] as? String)
                let reply = try await client.json(
                    "POST", "/v1/images/\(id)/seg", #"{"segments":[]}"#)
                #expect(reply.status == 422)
                #expect(reply.error.contains("save PNG or COCO"))
            }
        }

        @Test(
            "keys that are not known are refused, with those that are",
            arguments: [
                (#"{"image":"AAAA","promt_free":true}"#, "'promt_free' is not known"),
                (#"{"image":"AAAA","clicks":[{"x":1,"y":2,"label":1}]}"#, "clicks[0]"),
                (
                    #"{"image":"AAAA","mask_input":{"size":[1,1],"counts":"1","a":1}}"#,
                    "counts, size"
                ),
            ])
        func unknownKeys(body: String, reason: String) async throws {
            try await withServer { client in
                let reply = try await client.json("POST", "/v1/segment", body)
                #expect(reply.status == 400)
                #expect(reply.error.contains(reason), "\(reply.error)")
            }
        }

        @Test("parts of a form that are not known are refused")
        func unknownParts() async throws {
            try await withServer { client in
                let reply = try await client.form(
                    "POST", "/v1/segment",
                    [("image", "a.png", squarePNG()), ("points", nil, Array("12,22".utf8))])
                #expect(reply.status == 400)
                #expect(reply.error.contains("'points' is not known"), "\(reply.error)")
            }
        }
    }
}
