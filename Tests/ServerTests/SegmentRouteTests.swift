import FileIO
import Foundation
import Imaging
import Testing

@testable import Server

extension ServerTests {
    @Suite("POST /v1/segment")
    struct SegmentRouteTests {
        @Test("a click as a form gives the mask as PNG, its area, contour and the notice")
        func form() async throws {
            let reply = try await withServer { client in
                try await client.form(
                    "POST", "/v1/segment",
                    [
                        ("image", "a.png", squarePNG()), ("point", nil, Array("12,22".utf8)),
                        ("label", nil, Array("square".utf8)), ("spacing", nil, Array("0.5".utf8)),
                    ])
            }
            #expect(reply.status == 200, "\(reply.text)")
            let answer = try reply.object()
            #expect(answer["notice"] as? String == ResearchNotice.text)
            #expect(answer["version"] as? String == "1.2.3")
            let mask = try #require((answer["masks"] as? [[String: Any]])?.first)
            #expect(mask["pixel_area"] as? Int == 100)
            #expect(mask["area_mm2"] as? Double == 25)
            #expect(mask["spacing_source"] as? String == "request")
            #expect(mask["label"] as? String == "square")
            #expect(mask["bounding_box"] as? [Int] == [10, 20, 20, 30])
            let contours = try #require(mask["contours"] as? [[[Int]]])
            #expect(contours.count == 1)
            #expect(Set(contours[0]) == [[10, 20], [20, 20], [20, 30], [10, 30]])
            let png = try #require((mask["png"] as? String).flatMap { Data(base64Encoded: $0) })
            let image = try Image.decode([UInt8](png), name: "mask")
            #expect(image.pixels.count { $0 == 255 } == 100)
        }

        @Test("a box as JSON gives run lengths, and the reason where there are no mm")
        func json() async throws {
            let reply = try await withServer { client in
                let image = try Data(squarePNG()).base64EncodedString()
                return try await client.json(
                    "POST", "/v1/segment",
                    #"{"image":"\#(image)","box":[5,15,25,35],"mask":"rle"}"#)
            }
            let mask = try #require((reply.object()["masks"] as? [[String: Any]])?.first)
            let runs = try #require(mask["rle"] as? [String: Any])
            let counts = try #require(runs["counts"] as? String)
            let lengths = RunLength(compressed: counts, size: Size(height: 40, width: 40))
            #expect(lengths?.mask().area == 100)
            #expect((mask["no_mm_reason"] as? String)?.contains("set spacing") == true)
            #expect(mask["area_mm2"] == nil)
        }

        @Test("a click on the background finds nothing, and says so")
        func nothing() async throws {
            let reply = try await withServer { client in
                try await client.form(
                    "POST", "/v1/segment",
                    [("image", "a.png", squarePNG()), ("point", nil, Array("2,2".utf8))])
            }
            let answer = try reply.object()
            let mask = try #require((answer["masks"] as? [[String: Any]])?.first)
            #expect(mask["found"] as? Bool == false)
            #expect(
                (answer["notes"] as? [String])?.contains { $0.contains("found nothing") } == true)
        }

        @Test("a low IoU estimate is marked")
        func lowConfidence() async throws {
            let reply = try await withServer(engine: BrightEngine(estimate: 0.3)) { client in
                try await client.form(
                    "POST", "/v1/segment",
                    [("image", "a.png", squarePNG()), ("point", nil, Array("12,22".utf8))])
            }
            let mask = try #require((reply.object()["masks"] as? [[String: Any]])?.first)
            #expect(mask["low_confidence"] as? Bool == true)
        }

        @Test("an uploaded image is encoded once for several clicks")
        func stored() async throws {
            let engine = BrightEngine()
            try await withServer(engine: engine) { client in
                let uploaded = try await client.send("POST", "/v1/images", body: squarePNG())
                #expect(uploaded.status == 201)
                let id = try #require(try uploaded.object()["id"] as? String)
                let again = try await client.send("POST", "/v1/images", body: squarePNG())
                #expect(again.status == 200)
                for point in ["[{\"x\":12,\"y\":22}]", "[{\"x\":13,\"y\":23}]"] {
                    let reply = try await client.json(
                        "POST", "/v1/images/\(id)/segment", "{\"clicks\":\(point)}")
                    #expect(reply.status == 200, "\(reply.text)")
                }
                #expect(engine.encodings == 1)
                let frame = try await client.send("GET", "/v1/images/\(id)/frames/1")
                #expect(frame.headers["content-type"] == "image/png")
                #expect(try Image.decode(frame.body, name: "frame") == squareImage())
                let tag = try #require(frame.headers["etag"])
                let unchanged = try await client.send(
                    "GET", "/v1/images/\(id)/frames/1", headers: [("If-None-Match", tag)])
                #expect(unchanged.status == 304)
                let status1 = try await client.send("DELETE", "/v1/images/\(id)").status
                #expect(status1 == 204)
                let status2 = try await client.send("GET", "/v1/images/\(id)").status
                #expect(status2 == 404)
            }
        }

        @Test(
            "wrong requests are refused with a status and a reason",
            arguments: [
                (#"{"clicks":[{"x":1,"y":1}]}"#, 400, "no image"),
                (#"{"image":"!!!!","box":[1,2,3,4]}"#, 400, "base64"),
                (#"{"image":"aGVsbG8="}"#, 415, "PNG, JPEG, DICOM or NIfTI"),
                (#"{"image":"IMAGE"}"#, 422, "the prompt is empty"),
                (#"{"image":"IMAGE","clicks":[{"x":100,"y":1}]}"#, 422, "outside the image"),
                (
                    #"{"image":"IMAGE","clicks":[{"x":1,"y":1,"foreground":false}]}"#, 422,
                    "background"
                ),
                (#"{"image":"IMAGE","box":[1,2,3]}"#, 400, "3 numbers"),
                (#"{"image":"IMAGE","box":[5,5,5,5]}"#, 422, "no area"),
                (#"{"image":"IMAGE","box":[1,2,3,4],"frame":2}"#, 422, "no frame 2"),
                (#"{"image":"IMAGE","box":[1,2,3,4],"spacing":[0]}"#, 400, "positive"),
                (#"{"image":"IMAGE","box":[1,2,3,4],"mask":"gif"}"#, 400, "mask"),
                (#"{"image":"IMAGE","prompt_free":true}"#, 422, "needs a prompt"),
                (
                    #"{"image":"IMAGE","box":[1,2,3,4],"mask_input":{"size":[9,9],"counts":"a"}}"#,
                    400, "run lengths"
                ),
                (#"{"image":"IMAGE","image":"IMAGE"}"#, 400, "twice"),
                ("[", 400, "JSON"), ("", 400, "JSON"), ("\u{0}", 400, "JSON"),
            ])
        func wrong(body: String, status: Int, reason: String) async throws {
            let text = try body.replacing("IMAGE", with: Data(squarePNG()).base64EncodedString())
            let reply = try await withServer { try await $0.json("POST", "/v1/segment", text) }
            #expect(reply.status == status, "\(reply.text)")
            #expect(reply.error.contains(reason), "\(reply.error)")
        }

        @Test("a blank image is refused")
        func blank() async throws {
            let blank = try Image(
                width: 8, height: 8, channels: 1, pixels: [UInt8](repeating: 7, count: 64)
            ).encodedPNG()
            let reply = try await withServer { client in
                try await client.form(
                    "POST", "/v1/segment",
                    [("image", "a.png", blank), ("point", nil, [49, 44, 49])])
            }
            #expect(reply.status == 422)
            #expect(reply.error.contains("blank"))
        }

        @Test("images and requests above the limits are refused")
        func limits() async throws {
            try await withServer({ configuration in
                configuration.limits.bodyBytes = 4096
                configuration.limits.pixels = 1000
            }) { client in
                let image = try await client.send("POST", "/v1/images", body: squarePNG())
                #expect(image.status == 413)
                #expect(image.error.contains("1000 pixels"), "\(image.error)")
                let body = try await client.send(
                    "POST", "/v1/images", body: [UInt8](repeating: 1, count: 5000))
                #expect(body.status == 413)
                #expect(body.error.contains("4096 bytes"))
            }
        }
    }
}
