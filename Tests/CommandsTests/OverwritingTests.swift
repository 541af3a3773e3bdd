import Foundation
import Imaging
import Testing

@Suite("No command overwrites or deletes files of the user")
struct OverwritingTests {
    private let scratch: Scratch
    private let samus = Program()
    private var root: String { scratch.path("root") }

    init() throws {
        scratch = try Scratch()
        try MadeUpData.write(to: scratch.url.appending(path: "root"), train: 3, val: 1)
    }

    @Test(
        "the sheets of preview and check do not replace files of the datasets, even with --force",
        arguments: ["root/Disc/img/p0.png", "root/Disc/label/p0.png", "link.png", "hard.png"])
    func sheets(name: String) throws {
        let image = scratch.path("root/Disc/img/p1.png")
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path("link.png"), withDestinationPath: image)
        try FileManager.default.linkItem(atPath: image, toPath: scratch.path("hard.png"))
        let before = try Data(contentsOf: scratch.url.appending(path: name))
        for arguments in [
            ["data", "preview", root, "-o", scratch.path(name), "--force"],
            ["data", "check", root, "--sheet", scratch.path(name), "--force"],
        ] {
            let outcome = try samus.start(arguments).outcome()
            #expect(outcome.code == 73, "\(arguments)")
            #expect(outcome.errors.contains("a file of the datasets"), "\(outcome.errors)")
        }
        #expect(try Data(contentsOf: scratch.url.appending(path: name)) == before)
    }

    @Test("import --force keeps a dataset's folder that has files of the user")
    func importedFolder() throws {
        for folder in ["original", "GT"] {
            let image = Image(width: 2, height: 2, channels: 1, pixels: [0, 1, 0, 0])
            try scratch.write(image.encodedPNG(), "source/\(folder)/a.png")
        }
        let arguments = ["data", "import", "udiat", scratch.path("source"), scratch.path("new")]
        #expect(try samus.start(arguments).outcome().code == 0)
        for name in ["notes.txt", "img/own.png", "label/own.png", "img/a.png.bak", "old/x"] {
            let file = try scratch.write([1], "new/Breast-UDIAT/\(name)")
            let outcome = try samus.start(arguments + ["--force"]).outcome()
            #expect(outcome.code == 73, "\(name)")
            #expect(outcome.errors.contains("files that no import wrote"), "\(outcome.errors)")
            #expect(FileManager.default.fileExists(atPath: file))
            try FileManager.default.removeItem(atPath: file)
            try? FileManager.default.removeItem(
                atPath: scratch.path("new/Breast-UDIAT/old"))
        }
        #expect(try samus.start(arguments + ["--force"]).outcome().code == 0)
    }

    @Test("links in the output folder, also to nothing, are not replaced without --force")
    func links() throws {
        try scratch.write(Data(contentsOf: Program.frame), "a.png")
        try scratch.write([], "out/.keep")
        let link = scratch.path("out/a.json")
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: scratch.path("absent"))
        for more in [[], ["--force"]] {
            let outcome = try samus.start(
                ["segment", scratch.path("a.png"), "--box", "150,48,208,140", "-o"]
                    + [scratch.path("out")] + more
            ).outcome()
            #expect(outcome.code == 73, "\(outcome.errors)")
        }
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: link)
                == scratch.path("absent"))
    }

    @Test("a comparison does not replace a report that it reads")
    func comparison() throws {
        #expect(
            try samus(
                "evaluate", "--data", root, "--split", "train", "--model", "filled-box", "-o",
                scratch.path("out")
            ).code == 0)
        let report = scratch.path("out/comparison.json")
        try FileManager.default.moveItem(atPath: scratch.path("out/report.json"), toPath: report)
        let outcome = try samus("compare", report, report, "-o", scratch.path("out"), "--force")
        #expect(outcome.code == 73)
        #expect(outcome.errors.contains("which is an input"))
    }
}
