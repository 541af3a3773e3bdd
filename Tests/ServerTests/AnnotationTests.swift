import Datasets
import FileIO
import Foundation
import Imaging
import Testing

@testable import Server

extension ServerTests {
    @Suite("The served folder")
    struct AnnotationTests {
        private func fill(_ folder: String) throws {
            try FileManager.default.createDirectory(
                atPath: "\(folder)/sub", withIntermediateDirectories: true)
            try squareImage().write(to: "\(folder)/a.png")
            try squareImage().write(to: "\(folder)/sub/b c.png")
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/notes.txt"))
            try squareImage().write(to: "\(folder)/a.mask.png")
            symlink("/etc/hostname", "\(folder)/link.png")
        }

        private struct Listed: Decodable {
            struct Entry: Decodable {
                let id: String
                let name: String
                let accepted: Bool
            }
            let images: [Entry]
            let canAccept: Bool
        }

        private func list(_ client: Client) async throws -> Listed {
            try JSON.decode(Listed.self, from: try await client.send("GET", "/v1/images").body)
        }

        @Test("lists images alone, and opens only what it lists")
        func listing() async throws {
            try await withFolder { folder in
                try fill(folder)
                try await withServer({ $0.dataFolder = folder }) { client in
                    let listed = try await list(client)
                    #expect(listed.images.map(\.name) == ["a.png", "sub/b c.png"])
                    #expect(listed.canAccept)
                    for entry in listed.images {
                        let status1 = try await client.send("GET", "/v1/images/\(entry.id)").status
                        #expect(status1 == 200)
                    }
                    for id in ["../a.png", "..%2Fa.png", "a.png", "%2e%2e", "link.png"] {
                        let reply = try await client.send("GET", "/v1/images/\(id)")
                        #expect(reply.status == 404, "\(id)")
                    }
                }
            }
        }

        private func accepted(_ label: String) -> String {
            let mask = Mask(
                width: 40, height: 40, values: squareImage().pixels.map { $0 > 100 ? 1 : 0 })
            let runs = mask.runLength().compressed.replacing("\\", with: "\\\\")
            return
                #"{"objects":[{"label":"\#(label)","mask":{"size":[40,40],"counts":"\#(runs)"}}]}"#
        }

        @Test("accepted masks become a dataset in the US30K layout")
        func accepting() async throws {
            try await withFolder { folder in
                try fill(folder)
                try await withServer({ $0.dataFolder = folder }) { client in
                    let ids = try await list(client).images.map(\.id)
                    let path = "/v1/images/\(ids[0])/annotation"
                    let status2 = try await client.send("GET", path).status
                    #expect(status2 == 404)
                    let first = try await client.json("PUT", path, accepted("lesion"))
                    #expect(first.status == 201, "\(first.text)")
                    let tag = try #require(first.headers["etag"])
                    let stored = try await client.send("GET", path)
                    #expect(stored.headers["etag"] == tag)

                    // Another tab that has not seen this version.
                    let blind = try await client.json("PUT", path, accepted("cyst"))
                    #expect(blind.status == 409, "\(blind.text)")
                    let stale = try await client.send(
                        "PUT", path,
                        headers: [("Content-Type", "application/json"), ("If-Match", "\"old\"")],
                        body: Array(accepted("cyst").utf8))
                    #expect(stale.status == 409)
                    let next = try await client.send(
                        "PUT", path,
                        headers: [("Content-Type", "application/json"), ("If-Match", tag)],
                        body: Array(accepted("cyst").utf8))
                    #expect(next.status == 200)
                    #expect(next.headers["etag"] != tag)

                    let second = try await client.json(
                        "PUT", "/v1/images/\(ids[1])/annotation", accepted("lesion"))
                    #expect(second.status == 201)
                    let listed = try await list(client)
                    #expect(listed.images.map(\.name) == ["a.png", "sub/b c.png"])
                    #expect(listed.images.map(\.accepted) == [true, true])
                }
                let samples = try DatasetCollection(root: folder).samples(.train)
                #expect(samples.map(\.dataset) == ["Accepted", "Accepted"])
                #expect(samples.first?.name == "a")
                #expect(samples.map(\.label) == [2, 1])
                let labelled = try samples[0].read()
                #expect(labelled.mask(of: 2).area == 100)
                let classes = try String(
                    contentsOfFile: "\(folder)/Accepted/classes.csv", encoding: .utf8)
                #expect(classes == "class,name\n1,lesion\n2,cyst\n")
                let record = try String(
                    contentsOfFile: "\(folder)/Accepted/provenance/a.json", encoding: .utf8)
                #expect(record.contains(#""sha256" : "0123""#))
            }
        }

        @Test("a damaged table of classes is not replaced: labels would change their meaning")
        func damagedClasses() async throws {
            try await withFolder { folder in
                try fill(folder)
                try await withServer({ $0.dataFolder = folder }) { client in
                    let ids = try await list(client).images.map(\.id)
                    let first = try await client.json(
                        "PUT", "/v1/images/\(ids[0])/annotation", accepted("lesion"))
                    #expect(first.status == 201)
                    for damaged in ["class,name\n2,lesion\n", "class,name\nlesion\n"] {
                        let path = "\(folder)/Accepted/classes.csv"
                        try Data(damaged.utf8).write(to: URL(filePath: path))
                        let next = try await client.json(
                            "PUT", "/v1/images/\(ids[1])/annotation", accepted("cyst"))
                        #expect(next.status == 500)
                        #expect(try String(contentsOfFile: path, encoding: .utf8) == damaged)
                    }
                }
            }
        }

        @Test("masks that do not fit, and labels without characters, are refused")
        func refused() async throws {
            try await withFolder { folder in
                try fill(folder)
                try await withServer({ $0.dataFolder = folder }) { client in
                    let id = try await list(client).images[0].id
                    let path = "/v1/images/\(id)/annotation"
                    for body in [
                        #"{"objects":[{"label":"a","mask":{"size":[40,41],"counts":"1"}}]}"#,
                        #"{"objects":[{"label":"a","mask":{"size":[40,40],"counts":"1"}}]}"#,
                        #"{"objects":[{"label":"","mask":{"size":[40,40],"counts":"1"}}]}"#,
                        #"{"objects":[{"label":"a\n","mask":{"size":[40,40],"counts":"1"}}]}"#,
                    ] {
                        let status3 = try await client.json("PUT", path, body).status
                        #expect(status3 == 422, "\(body)")
                    }
                    #expect(FileKind("\(folder)/Accepted/label/a.png") == nil)
                }
            }
        }

        @Test("names of files are plain and differ where the images do")
        func names() {
            #expect(AnnotationStore.name(of: "a.png", frame: nil) == "a")
            #expect(AnnotationStore.name(of: "a.png", frame: 7) == "a.frame0007")
            let paths = [
                "a.png", "a.jpg", "a.jpeg", "a.PNG", "a", "a.dcm", "a.nii.gz", "x/a.png", "x_a.png",
                "x a.png", "../a.png", ".a.png",
            ]
            let names = paths.map { AnnotationStore.name(of: $0, frame: nil) }
            #expect(Set(names).count == names.count)
            for name in names {
                #expect(name.wholeMatch(of: #/[A-Za-z0-9_-][A-Za-z0-9_.-]*/#) != nil, "\(name)")
            }
        }

        @Test("without a folder nothing can be accepted")
        func without() async throws {
            try await withServer { client in
                let uploaded = try await client.send("POST", "/v1/images", body: squarePNG())
                let id = try #require(try uploaded.object()["id"] as? String)
                let reply = try await client.json(
                    "PUT", "/v1/images/\(id)/annotation", accepted("lesion"))
                #expect(reply.status == 404)
                #expect(reply.error.contains("--data"))
            }
        }
    }
}
