import Foundation
import Imaging
import Testing

@Suite("samus data import")
struct ImportTests {
    private let scratch: Scratch
    private let samus = Program()

    init() throws {
        scratch = try Scratch()
        let masks = ["a": [0, 1, 0, 0], "b": [0, 0, 0, 0]] as [String: [UInt8]]
        for (name, mask) in masks {
            for (folder, values) in [("original", [1, 2, 3, 4]), ("GT", mask)] {
                let url = scratch.url.appending(path: "source/\(folder)")
                try FileManager.default.createDirectory(
                    at: url, withIntermediateDirectories: true)
                try Image(width: 2, height: 2, channels: 1, pixels: values)
                    .write(to: url.appending(path: "\(name).png").path)
            }
        }
    }

    private func run(_ more: String...) throws -> Program.Outcome {
        let arguments =
            ["data", "import", "udiat", scratch.path("source"), scratch.path("root")] + more
        return try samus.start(arguments).outcome()
    }

    @Test("the report has counts, and the command for a split")
    func done() throws {
        let outcome = try run()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(
            outcome.output == """
                Breast-UDIAT: 2 images (train 2), 1 with an empty mask, 0 with mm per pixel, 0 \
                left out
                classes: 1 = lesion
                all are in train: 'samus data split \(scratch.path("root")) --set Breast-UDIAT \
                --force' makes val and test

                """)
        #expect(outcome.errors.isEmpty)
    }

    @Test("an existing dataset stays; --force replaces it, --name imports under another name")
    func again() throws {
        #expect(try run().code == 0)
        let refused = try run()
        #expect(refused.code == 73)
        #expect(refused.errors.contains("--force replaces it"))
        #expect(try run("--force").code == 0)
        #expect(try run("--name", "Mine").code == 0)
    }

    @Test("a file that cannot be used is named, and the exit code says so")
    func leftOut() throws {
        try Data("x".utf8).write(to: scratch.url.appending(path: "source/original/a.png"))
        let outcome = try run()
        #expect(outcome.code == 1)
        #expect(
            outcome.output.contains(
                "left out: original/a.png: it is not an image of a known format"))
        #expect(outcome.output.contains("1 image"))
        try Data("x".utf8).write(to: scratch.url.appending(path: "source/original/b.png"))
        let nothing = try run("--name", "Nothing")
        #expect(nothing.code == 66)
        #expect(!FileManager.default.fileExists(atPath: scratch.path("root/Nothing")))
    }

    @Test("options of another format, unknown formats and sources of another format are refused")
    func refused() throws {
        #expect(try run("--fold", "1").code == 64)
        #expect(try run("--sequences").code == 64)
        #expect(try run("--class-values", "1,2").code == 64)
        #expect(try samus("data", "import", "nothing", "a", "b").code == 64)
        let other = try samus(
            "data", "import", "camus", scratch.path("source"), scratch.path("root"))
        #expect(other.code == 66)
        #expect(other.errors.contains("there is no folder 'patient0001'"))
        #expect(!FileManager.default.fileExists(atPath: scratch.path("root")))
    }
}
