import DICOM
import FileIO
import Foundation
import Imaging
import Testing

@testable import Server

/// A cine of five frames as NIfTI: the bright square moves to the right by two pixels a frame, and is
/// missing from the fourth.
func squareCine() -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 352)
    func put(_ values: [Int16], at place: Int) {
        for (index, value) in values.enumerated() {
            withUnsafeBytes(of: value.littleEndian) { bytes in
                header.replaceSubrange(place + 2 * index..<place + 2 * index + 2, with: bytes)
            }
        }
    }
    put([348], at: 0)
    put([3, 40, 40, 5, 1, 1, 1, 1], at: 40)
    put([2, 8], at: 70)
    withUnsafeBytes(of: Float(352).bitPattern.littleEndian) { bytes in
        header.replaceSubrange(108..<112, with: bytes)
    }
    header.replaceSubrange(344..<348, with: Array("n+1\0".utf8))
    var pixels: [UInt8] = []
    for frame in 0..<5 {
        var plane = (0..<1600).map { UInt8(20 + $0 % 7) }
        if frame != 3 {
            for y in 20..<30 { for x in 10..<20 { plane[40 * y + x + 2 * frame] = 200 } }
        }
        pixels += plane
    }
    return header + pixels
}

extension ServerTests {
    @Suite("Cines and volumes")
    struct CineTests {
        private func upload(_ client: Client) async throws -> String {
            let reply = try await client.send("POST", "/v1/images", body: squareCine())
            #expect(reply.status == 201, "\(reply.text)")
            return try #require(try reply.object()["id"] as? String)
        }

        private func lines(_ reply: Reply) throws -> [[String: Any]] {
            // Chunks of the answer: their sizes are lines of their own.
            try reply.text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("{") }.map {
                try #require(
                    try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
        }

        @Test("an object is followed forwards and backwards, a line for each frame")
        func track() async throws {
            try await withServer { client in
                let id = try await upload(client)
                let reply = try await client.json(
                    "POST", "/v1/images/\(id)/track",
                    #"{"prompts":[{"frame":2,"box":[8,16,26,34]}],"spacing":[0.5]}"#)
                #expect(reply.status == 200, "\(reply.text)")
                #expect(reply.headers["content-type"] == "application/x-ndjson")
                let lines = try lines(reply)
                #expect(lines.compactMap { $0["frame"] as? Int } == [2, 3, 4, 5, 1])
                #expect(lines.last?["done"] as? Bool == true)
                #expect(lines.last?["frames"] as? Int == 5)
                #expect(lines.last?["notice"] as? String == ResearchNotice.text)
                for line in lines.dropLast() {
                    let frame = try #require(line["frame"] as? Int)
                    #expect(line["is_prompted"] as? Bool == (frame == 2))
                    let mask = try #require(line["mask"] as? [String: Any])
                    guard frame != 4 else {
                        #expect(mask["found"] as? Bool == false)
                        continue
                    }
                    #expect(mask["pixel_area"] as? Int == 100, "frame \(frame)")
                    let left = 10 + 2 * (frame - 1)
                    #expect(mask["bounding_box"] as? [Int] == [left, 20, left + 10, 30])
                    #expect(mask["area_mm2"] as? Double == 25)
                }
            }
        }

        @Test("a part of the cine is followed")
        func range() async throws {
            try await withServer { client in
                let id = try await upload(client)
                let reply = try await client.json(
                    "POST", "/v1/images/\(id)/track",
                    #"{"prompts":[{"frame":2,"clicks":[{"x":14,"y":24}]}],"first_frame":2,"#
                        + #""last_frame":3}"#
                )
                #expect(try lines(reply).compactMap { $0["frame"] as? Int } == [2, 3])
            }
        }

        @Test(
            "wrong questions have a status and a reason",
            arguments: [
                (#"{"prompts":[]}"#, 422, "at least one frame"),
                (#"{"prompts":[{"frame":9,"box":[8,16,26,34]}]}"#, 422, "frames 1 to 5"),
                (#"{"prompts":[{"frame":1}]}"#, 422, "prompt"),
                (#"{"prompts":[{"frame":1,"box":[1,2]}]}"#, 400, "2 numbers"),
                (
                    #"{"prompts":[{"frame":1,"box":[8,16,26,34]},{"frame":1,"box":[8,16,26,34]}]}"#,
                    422, "two prompts"
                ),
                (
                    #"{"prompts":[{"frame":1,"box":[8,16,26,34]}],"last_frame":7}"#, 422,
                    "no frame 7"
                ),
                (#"{"prompts":[{"frame":1,"boxes":[8,16,26,34]}]}"#, 400, "'boxes' is not known"),
            ])
        func refused(body: String, status: Int, reason: String) async throws {
            try await withServer { client in
                let id = try await upload(client)
                let reply = try await client.json("POST", "/v1/images/\(id)/track", body)
                #expect(reply.status == status, "\(reply.text)")
                #expect(reply.error.contains(reason), "\(reply.error)")
            }
        }

        @Test(
            "a DICOM cine is decoded in blocks in the direction of the steps",
            arguments: [[1, 2, 3, 4], [4, 3, 2, 1]])
        func decodedInBlocks(frames: [Int]) throws {
            let path = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../Fixtures/dicom/jpeg-cine.dcm").standardizedFileURL.path
            let folder = try TemporaryFolder()
            let limits = ImageLimits(pixels: 1_000_000, bytes: 1 << 20)
            let cine = try StoredImage(
                RegularFile.read(path, limit: 1 << 20), path: path, folder: folder, limits: limits)
            let reader = try DICOMFile.read(path).frameReader()
            let cache = FrameCache(limit: 10_000_000)
            for frame in frames {
                #expect(
                    try cache.frame(frame, of: cine, limits: limits).pixels
                        == reader.frame(frame - 1).pixels)
            }
            // The first alone, then the three others together.
            #expect(cache.decodings == 2)
        }

        @Test(
            "a volume is decoded once for all its frames, and forgotten when others need the room")
        func decodedOnce() throws {
            let folder = try TemporaryFolder()
            let limits = ImageLimits(pixels: 1_000_000, bytes: 1 << 20)
            let cine = try StoredImage(squareCine(), path: nil, folder: folder, limits: limits)
            let cache = FrameCache(limit: 10_000)
            for frame in [1, 2, 3, 4, 5, 4, 3, 2, 1] {
                let image = try cache.frame(frame, of: cine, limits: limits)
                #expect((image.pixels[40 * 25 + 15] == 200) == ![4, 5].contains(frame))
            }
            #expect(cache.decodings == 1)
            #expect(cache.bytes == 8000)
            var other = squareCine()
            other[400] = 99
            let second = try StoredImage(other, path: nil, folder: folder, limits: limits)
            _ = try cache.frame(1, of: second, limits: limits)
            #expect(cache.bytes == 8000)
            _ = try cache.frame(1, of: cine, limits: limits)
            #expect(cache.decodings == 3)
            #expect(throws: RequestError.self) { try cache.frame(6, of: cine, limits: limits) }
        }
    }
}
