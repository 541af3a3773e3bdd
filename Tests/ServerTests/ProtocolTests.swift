import FileIO
import Foundation
import Imaging
import Testing

@testable import Server

extension ServerTests {
    @Suite("MONAI Label")
    struct MONAILabelTests {
        /// A volume of 3 slices with the bright square in slice 1, as NIfTI.
        static func volume() -> [UInt8] {
            var header = [UInt8](repeating: 0, count: 352)
            func put(_ value: some FixedWidthInteger, at offset: Int) {
                withUnsafeBytes(of: value.littleEndian) {
                    header.replaceSubrange(offset..<offset + $0.count, with: $0)
                }
            }
            func put(_ value: Float, at offset: Int) { put(value.bitPattern, at: offset) }
            put(Int32(348), at: 0)
            for (index, value) in [3, 40, 40, 3, 1, 1, 1, 1].enumerated() {
                put(Int16(value), at: 40 + 2 * index)
            }
            put(Int16(2), at: 70)
            put(Int16(8), at: 72)
            for (index, value) in [1, 0.5, 0.25, 2].enumerated() {
                put(Float(value), at: 76 + 4 * index)
            }
            put(Float(352), at: 108)
            put(Int16(1), at: 254)
            // RAS: x to the right by 0.5 mm, y forward by 0.25 mm, z up by 2 mm.
            let rows: [[Float]] = [[0.5, 0, 0, 10], [0, 0.25, 0, 20], [0, 0, 2, 30]]
            for (row, values) in rows.enumerated() {
                for (column, value) in values.enumerated() {
                    put(value, at: 280 + 16 * row + 4 * column)
                }
            }
            header.replaceSubrange(344..<348, with: Array("n+1\0".utf8))
            var dark = [UInt8](repeating: 20, count: 1600)
            dark[0] = 21
            return header + dark + squareImage().pixels + dark
        }

        @Test("slices outside the volume and too many points are refused")
        func refused() async throws {
            try await withServer { client in
                let many = Array(repeating: "[12,22,1]", count: 201).joined(separator: ",")
                for params in [
                    #"{"roi":[10,20,20,30,100,110]}"#, #"{"roi":[10,20,20,30],"slice":99}"#,
                    #"{"foreground":[[12,22,7]]}"#, #"{"foreground":[\#(many)]}"#,
                ] {
                    let reply = try await client.form(
                        "POST", "/infer/samus",
                        [("params", nil, Array(params.utf8)), ("file", "a.nii", Self.volume())])
                    #expect(reply.status == 422, "\(params.prefix(60)): \(reply.text.prefix(200))")
                }
            }
        }

        @Test("a volume of impossible size is refused before it is made")
        func hugeVolume() {
            let size = Size(height: 40, width: 40)
            #expect(throws: Never.self) { try NRRDVolume.check(size, frames: 3) }
            #expect(throws: RequestError.self) { try NRRDVolume.check(size, frames: .max) }
            #expect(NRRDVolume.maximumVoxels <= 1 << 28)
        }

        @Test("/info/ has what 3D Slicer reads, and no key 'config'")
        func info() async throws {
            let reply = try await withServer { try await $0.send("GET", "/info/") }
            #expect(reply.status == 200)
            let info = try reply.object()
            #expect(info["config"] == nil)
            let models = try #require(info["models"] as? [String: [String: Any]])
            #expect(models["samus"]?["type"] as? String == "deepgrow")
            #expect(models["samus"]?["dimension"] as? Int == 2)
            #expect((info["description"] as? String)?.contains(ResearchNotice.text) == true)
            let auth = try await withServer { try await $0.send("GET", "/auth/") }
            #expect(try auth.object()["enabled"] as? Bool == false)
        }

        @Test("a session gives a volume on the same grid, in LPS, with the slice filled")
        func session() async throws {
            try await withServer { client in
                let created = try await client.form(
                    "PUT", "/session/", [("files", "a.nii", Self.volume())])
                #expect(created.status == 200, "\(created.text)")
                let id = try #require(try created.object()["session_id"] as? String)
                let reply = try await client.form(
                    "POST", "/infer/samus?image=&session_id=\(id)",
                    [
                        (
                            "params", nil,
                            Array(
                                (#"{"foreground":[[12,22,1],[3,3,0]],"background":[],"slice":1,"#
                                    + #""label":"lesion","client_id":null,"result_extension":".nrrd"}"#)
                                    .utf8)
                        )
                    ])
                #expect(reply.status == 200, "\(reply.text)")
                #expect(reply.headers["content-length"] == "\(reply.body.count)")
                #expect(reply.headers["transfer-encoding"] == nil)
                let parts = try MultipartForm(
                    reply.body, contentType: try #require(reply.headers["content-type"])
                ).parts
                #expect(parts.map(\.name) == ["params", "image"])
                #expect(parts[0].text?.contains(#""label_names":{"lesion":1}"#) == true)
                #expect(parts[1].filename?.hasSuffix(".nrrd") == true)
                let file = Array(parts[1].content)
                let end = try #require(Data(file).range(of: Data("\n\n".utf8))).upperBound
                let header = String(decoding: file[..<end], as: UTF8.self)
                #expect(header.contains("sizes: 40 40 3"))
                #expect(header.contains("space: left-posterior-superior"))
                #expect(
                    header.contains(
                        "space directions: (-0.5,0.0,0.0) (0.0,-0.25,0.0) (0.0,0.0,2.0)"),
                    "\(header)")
                #expect(header.contains("space origin: (-10.0,-20.0,30.0)"))
                let values = file[end...]
                #expect(values.count == 4800)
                #expect(values.prefix(1600).allSatisfy { $0 == 0 })
                #expect(values.reduce(0) { $0 + Int($1) } == 100)

                let image = try await client.send(
                    "POST", "/infer/samus?session_id=\(id)&output=image",
                    headers: [("Content-Type", "application/json")],
                    body: Array(#"{"roi":[25,5,35,15,2,0]}"#.utf8))
                #expect(image.status == 200, "\(image.text)")
                #expect(image.body.starts(with: Array("NRRD".utf8)))
                #expect(image.body.suffix(4800).reduce(0) { $0 + Int($1) } == 100)

                let status1 = try await client.send("GET", "/session/\(id)").status
                #expect(status1 == 200)
                let status2 = try await client.send("DELETE", "/session/\(id)").status
                #expect(status2 == 200)
                let gone = try await client.send("GET", "/session/\(id)")
                #expect(gone.status == 404)
                #expect(try gone.object()["detail"] is String)
            }
        }

        @Test("labels are saved, listed, read and removed; the next sample has none")
        func datastore() async throws {
            try await withFolder { folder in
                for name in ["a", "b"] { try squareImage().write(to: "\(folder)/\(name).png") }
                try await withServer({ $0.dataFolder = folder }) { client in
                    let first = try await client.json("POST", "/activelearning/first", "{}")
                    let id = try #require(try first.object()["id"] as? String)
                    #expect(try first.object()["name"] as? String == "a.png")
                    let saved = try await client.form(
                        "PUT", "/datastore/label?image=\(id)&tag=final",
                        [
                            ("params", nil, Array("{}".utf8)),
                            ("label", "x.nrrd", Array("NRRD".utf8)),
                        ])
                    #expect(saved.status == 200, "\(saved.text)")
                    let all = try await client.send("GET", "/datastore/?output=all").object()
                    let objects = try #require(all["objects"] as? [String: [String: Any]])
                    #expect(objects.count == 2)
                    #expect((objects[id]?["labels"] as? [String: Any])?["final"] != nil)
                    let label = try await client.send(
                        "GET", "/datastore/label?label=\(id)&tag=final")
                    #expect(label.text == "NRRD")
                    #expect(
                        label.headers["content-disposition"]
                            == "attachment; filename=\"label.nrrd\"")
                    let next = try await client.json("POST", "/activelearning/random", "{}")
                    #expect(try next.object()["name"] as? String == "b.png")
                    let status3 = try await client.send(
                        "DELETE", "/datastore/label?id=\(id)&tag=final"
                    ).status
                    #expect(status3 == 200)
                    for tag in ["..", "a/b", "x.y", "%2e%2e%2f"] {
                        let reply = try await client.form(
                            "PUT", "/datastore/label?image=\(id)&tag=\(tag)",
                            [("label", "x.nrrd", Array("NRRD".utf8))])
                        #expect(reply.status == 422, "\(tag)")
                    }
                }
            }
        }
    }
}

extension ServerTests {
    @Suite("X-AnyLabeling")
    struct XAnyLabelingTests {
        @Test("lists the model, and answers marks with a closed polygon")
        func predict() async throws {
            try await withServer { client in
                let models = try await client.send("GET", "/v1/models").object()
                let data = try #require(models["data"] as? [String: [String: Any]])
                #expect((data["samus"]?["widgets"] as? [[String: Any]])?.count == 6)
                let image = try Data(squarePNG()).base64EncodedString()
                let reply = try await client.json(
                    "POST", "/v1/predict",
                    #"{"model":"samus","image":"data:image/png;base64,\#(image)","params":{"epsilon_factor":0.001,"marks":[{"type":"point","data":[12,22],"label":1}]}}"#
                )
                let shapes = try #require(
                    (reply.object()["data"] as? [String: Any])?["shapes"] as? [[String: Any]])
                #expect(
                    shapes.first?["points"] as? [[Double]] == [
                        [20, 20], [20, 30], [10, 30], [10, 20], [20, 20],
                    ])
                #expect(shapes.first?["shape_type"] as? String == "polygon")
            }
        }

        @Test("errors have status 200 and success false")
        func errors() async throws {
            let reply = try await withServer {
                try await $0.json("POST", "/v1/predict", #"{"model":"other","image":""}"#)
            }
            #expect(reply.status == 200)
            #expect(try reply.object()["success"] as? Bool == false)
            #expect((try reply.object()["error"] as? [String: Any])?["message"] is String)
        }
    }
}

extension ServerTests {
    @Suite("Open Inference Protocol")
    struct OpenInferenceTests {
        @Test("JSON in, JSON out")
        func json() async throws {
            try await withServer { client in
                for path in [
                    "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/samus/ready",
                ] {
                    let status6 = try await client.send("GET", path).status
                    #expect(status6 == 200, "\(path)")
                }
                let status7 = try await client.send("GET", "/v2/models/other").status
                #expect(status7 == 404)
                let image = try Data(squarePNG()).base64EncodedString()
                let reply = try await client.json(
                    "POST", "/v2/models/samus/infer",
                    #"{"id":"7","inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["\#(image)"]},{"name":"points","shape":[1,2],"datatype":"FP32","data":[[12,22]]}]}"#
                )
                #expect(reply.status == 200, "\(reply.text)")
                let answer = try reply.object()
                #expect(answer["id"] as? String == "7")
                let outputs = try #require(answer["outputs"] as? [[String: Any]])
                #expect(
                    outputs.compactMap { $0["name"] as? String } == ["mask", "iou", "presence"])
                #expect((outputs[0]["data"] as? [Double])?.reduce(0, +) == 100)
                #expect(outputs[0]["shape"] as? [Int] == [40, 40])
            }
        }

        @Test("binary tensors in and out")
        func binary() async throws {
            let image = try squarePNG()
            let element =
                withUnsafeBytes(of: UInt32(image.count).littleEndian) { Array($0) } + image
            let box: [UInt8] = [5, 15, 25, 35].flatMap { (value: Float) in
                withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
            }
            let header =
                #"{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":\#(element.count)}},{"name":"box","shape":[4],"datatype":"FP32","parameters":{"binary_data_size":16}}],"outputs":[{"name":"mask","parameters":{"binary_data":true}}]}"#
            try await withServer { client in
                let reply = try await client.send(
                    "POST", "/v2/models/samus/versions/1/infer",
                    headers: [
                        ("Content-Type", "application/octet-stream"),
                        ("Inference-Header-Content-Length", "\(header.utf8.count)"),
                    ], body: Array(header.utf8) + element + box)
                #expect(reply.status == 200, "\(reply.text)")
                let length = try #require(
                    reply.headers["inference-header-content-length"].flatMap { Int($0) })
                #expect(reply.body[length...].count == 1600)
                #expect(reply.body[length...].reduce(0) { $0 + Int($1) } == 100)
                for wrong in ["99999999", "-1", "x"] {
                    let refused = try await client.send(
                        "POST", "/v2/models/samus/infer",
                        headers: [("Inference-Header-Content-Length", wrong)],
                        body: Array(header.utf8))
                    #expect(refused.status == 400)
                }
            }
        }
    }
}

extension ServerTests {
    @Suite("Label Studio and CVAT")
    struct OtherProtocolTests {
        @Test("a keypoint in per cent gives a polygon in per cent")
        func polygon() async throws {
            let image = try Data(squarePNG()).base64EncodedString()
            let configuration =
                #"<View><Image name=\"img\" value=\"$scan\"/><PolygonLabels name=\"p\" toName=\"img\"/></View>"#
            let reply = try await withServer { client in
                try await client.json(
                    "POST", "/predict",
                    #"{"tasks":[{"id":1,"data":{"scan":"data:image/png;base64,\#(image)"}}],"label_config":"\#(configuration)","params":{"context":{"result":[{"type":"keypointlabels","is_positive":1,"value":{"x":30,"y":55,"keypointlabels":["Lesion"]}}]}}}"#
                )
            }
            #expect(reply.status == 200, "\(reply.text)")
            let results = try #require(try reply.object()["results"] as? [[String: Any]])
            let region = try #require((results[0]["result"] as? [[String: Any]])?.first)
            #expect(region["from_name"] as? String == "p")
            #expect(region["to_name"] as? String == "img")
            let value = try #require(region["value"] as? [String: Any])
            let corners = value["points"] as? [[Double]]
            #expect(corners == [[50, 50], [50, 75], [25, 75], [25, 50]])
            #expect(value["polygonlabels"] as? [String] == ["Lesion"])
        }

        @Test("Label Studio's run lengths, decoded as its own decoder does it")
        func brush() throws {
            let mask = Mask(
                width: 40, height: 40, values: squareImage().pixels.map { $0 > 100 ? 1 : 0 })
            let bytes = LabelStudioRunLengths.encoded(mask)
            var place = 0
            func read(_ count: Int) -> Int {
                defer { place += count }
                return (place..<place + count).reduce(0) {
                    $0 << 1 | Int(bytes[$1 / 8] >> (7 - UInt8($1 % 8)) & 1)
                }
            }
            let total = read(32)
            let width = read(5) + 1
            let lengths = (0..<4).map { _ in read(4) + 1 }
            #expect(total == 6400 && width == 8)
            var values: [Int] = []
            while values.count < total {
                let isRun = read(1) == 1
                let count = read(lengths[read(2)]) + 1
                if isRun {
                    values += Array(repeating: read(width), count: count)
                } else {
                    for _ in 0..<count { values.append(read(width)) }
                }
            }
            let decoded = stride(from: 0, to: total, by: 4).map { values[$0] > 0 ? UInt8(1) : 0 }
            #expect(decoded == mask.values)
            #expect(values.count == total)
        }

        @Test("addresses of other servers are not opened")
        func addresses() async throws {
            let reply = try await withServer { client in
                try await client.json(
                    "POST", "/predict",
                    #"{"tasks":[{"data":{"image":"http://127.0.0.1:1/a.png"}}],"params":{"context":{"result":[{"type":"keypointlabels","value":{"x":1,"y":1}}]}}}"#
                )
            }
            #expect(reply.status == 422)
            #expect(reply.error.contains("data: URL"))
        }

        @Test("a CVAT interactor gets a polygon and a mask")
        func cvat() async throws {
            let image = try Data(squarePNG()).base64EncodedString()
            let reply = try await withServer { client in
                try await client.json(
                    "POST", "/", #"{"image":"\#(image)","pos_points":[[12,22]],"neg_points":[]}"#)
            }
            #expect(reply.status == 200, "\(reply.text)")
            let mask = try #require(try reply.object()["mask"] as? [[Int]])
            #expect(mask.flatMap { $0 }.reduce(0, +) == 100)
            #expect((try reply.object()["points"] as? [[Double]])?.count == 4)
        }
    }
}
