import Foundation
import Imaging
import Testing

@Suite("samus segment never destroys files of the user and never reports a wrong result as right")
struct SafetyTests {
    private let scratch: Scratch
    private let samus = Program()
    private let box = ["--box", "150,48,208,140"]

    init() throws {
        scratch = try Scratch()
    }

    private func frame(_ names: String...) throws {
        for name in names {
            try scratch.write(Data(contentsOf: Program.frame), name)
        }
    }

    private func segment(_ arguments: [String]) throws -> Program.Outcome {
        try samus.start(["segment"] + arguments).outcome()
    }

    @Test("a result never replaces an input, even with --force")
    func inputs() throws {
        try frame("a.png", "a.mask.png")
        let prompts = #"{"images":[{"image":"a.png","objects":[{"box":[150,48,208,140]}]}]}"#
        let file = try scratch.write(Data(prompts.utf8), "a.json")
        let folder = scratch.url.path
        for arguments in [
            ["--prompts", file, "-o", folder, "--force"],
            [scratch.path("a.png"), scratch.path("a.mask.png"), "-o", folder, "--force"] + box,
            [scratch.path("a.png"), "--mask", scratch.path("a.mask.png"), "-o", folder, "--force"],
        ] {
            let before = try scratch.files().map {
                try Data(contentsOf: scratch.url.appending(path: $0))
            }
            let outcome = try segment(arguments)
            #expect(outcome.code == 66)
            #expect(outcome.errors.contains("which is an input"), "\(outcome.errors)")
            let after = try scratch.files().map {
                try Data(contentsOf: scratch.url.appending(path: $0))
            }
            #expect(before == after)
        }
    }

    @Test("two images whose results would have the same file name are refused")
    func collisions() throws {
        try frame("a.png", "a.object1.png", "a.rle.png")
        let one = #"{"box":[150,48,208,140]}"#
        let prompts = """
            {"images":[{"image":"a.png","objects":[\(one),\(one)]},
            {"image":"a.object1.png","objects":[\(one)]}]}
            """
        let file = try scratch.write(Data(prompts.utf8), "p.json")
        for arguments in [
            ["--prompts", file],
            [scratch.path("a.png"), scratch.path("a.rle.png"), "--format", "rle,json"] + box,
        ] {
            let outcome = try segment(arguments + ["-o", scratch.path("out")])
            #expect(outcome.code == 66)
            #expect(outcome.errors.contains("results of the same name"), "\(outcome.errors)")
        }
    }

    @Test(
        "a folder is searched for images without masks and overlays of former runs; links are followed"
    )
    func folders() throws {
        try frame("in/a.png", "in/b.mask.png", "in/c.overlay.png")
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path("link"), withDestinationPath: "in")
        let outcome = try segment(
            [scratch.path("link"), "-o", scratch.path("out"), "--format", "json"] + box)
        #expect(outcome.code == 0)
        #expect(scratch.files("out") == ["a.json"])
    }

    @Test("in a folder, name clashes and long names cost their images only; links are entered once")
    func folderProblems() throws {
        let long = String(repeating: "\u{56DE}", count: 80)
        try frame("in/a.png", "in/z.png", "in/\(long).png", "real/b.png")
        try scratch.write(Data(contentsOf: Program.frame), "in/a.jpg")
        try scratch.write(Data("x".utf8), "in/scan.dcm")
        for (link, target) in [("in/more", "../real"), ("real/loop", "../in")] {
            try FileManager.default.createSymbolicLink(
                atPath: scratch.path(link), withDestinationPath: target)
        }
        let arguments = [scratch.path("in"), "-o", scratch.path("out"), "--format", "json"] + box
        let outcome = try segment(arguments)
        #expect(outcome.code == 1)
        #expect(scratch.files("out") == ["more/b.json", "z.json"])
        #expect(outcome.errors.contains("3 of 5 images failed"), "\(outcome.errors)")
        #expect(outcome.errors.contains("is too long for the names of its results"))
        #expect(outcome.errors.contains("'scan.dcm' is not a PNG, JPEG, DICOM or NIfTI file"))

        try FileManager.default.removeItem(atPath: scratch.path("out/z.json"))
        let next = try segment(arguments + ["--skip-existing"])
        #expect(next.errors.contains("1 of 5 images were skipped"), "\(next.errors)")
        #expect(scratch.files("out") == ["more/b.json", "z.json"])
        #expect(try segment(arguments + ["--skip-existing", "--force"]).code == 64)
    }

    @Test("a prompt file behind a link, with backslashes and other letter case, finds its images")
    func promptFileNames() throws {
        try frame("data/sub/Frame.png")
        let prompts =
            #"{"images":[{"image":"sub\\frame.PNG","objects":[{"box":[150,48,208,140]}]}]}"#
        try scratch.write(Data(prompts.utf8), "data/p.json")
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path("p.json"), withDestinationPath: "data/p.json")
        let outcome = try segment(
            ["--prompts", scratch.path("p.json"), "-o", scratch.path("out"), "--format", "json"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(scratch.files("out") == ["sub/frame.json"])
    }

    @Test("results of a prompt file are written to the same subfolders as its images")
    func promptFolders() throws {
        try frame("p1/a4c.png", "p2/a4c.png")
        let sources = ["p1", "p2"].map {
            #"{"image":"\#($0)/a4c.png","objects":[{"box":[150,48,208,140]}]}"#
        }
        let file = try scratch.write(
            Data(#"{"images":[\#(sources.joined(separator: ","))]}"#.utf8), "p.json")
        let outcome = try segment(
            ["--prompts", file, "-o", scratch.path("out"), "--format", "json"])
        #expect(outcome.code == 0)
        #expect(scratch.files("out") == ["p1/a4c.json", "p2/a4c.json"])
    }

    @Test("blank images and 12-bit images stored in 16 bits are refused")
    func blank() throws {
        let grey = Image(
            width: 64, height: 48, channels: 3, pixels: .init(repeating: 90, count: 9216))
        try scratch.write(grey.encodedPNG(), "blank.png")
        let twelveBit = Program.package.appending(path: "Tests/Fixtures/imaging/label16.png")
        try scratch.write(Data(contentsOf: twelveBit), "twelve.png")
        let outcome = try segment(
            [scratch.path("blank.png"), scratch.path("twelve.png"), "-o", scratch.path("out")]
                + ["--box", "0,0,2,1"])
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("blank.png: the image is blank"))
        #expect(outcome.errors.contains("stretch it to 0...65535"))
        #expect(!outcome.output.contains("overlay"))
    }

    @Test("when the disk is full, results of a former run stay unchanged")
    func fullDisk() throws {
        try frame("a.png")
        let arguments = [scratch.path("a.png"), "-o", scratch.path("out")]
        #expect(try segment(arguments + box).code == 0)
        let before = try scratch.files("out").map {
            try Data(contentsOf: scratch.url.appending(path: "out/\($0)"))
        }
        // The mask fits into 4 blocks of 512 bytes, the overlay does not.
        let shell = Program(executable: URL(filePath: "/bin/sh"))
        let outcome = try shell.start(
            [
                "-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\"", samus.executable.path,
                "segment",
            ]
                + arguments + ["--box", "20,20,90,90", "--force"]
        ).outcome()
        #expect(outcome.code == 73)
        let after = try scratch.files("out").map {
            try Data(contentsOf: scratch.url.appending(path: "out/\($0)"))
        }
        #expect(before == after)
    }

    @Test("results of a former run that are not replaced are listed")
    func older() throws {
        try frame("a.png")
        let arguments = [scratch.path("a.png"), "-o", scratch.path("out")] + box
        #expect(try segment(arguments).code == 0)
        let outcome = try segment(arguments + ["--force", "--format", "json"])
        #expect(outcome.code == 0)
        #expect(
            outcome.errors.contains(
                "left from a former run: a.mask.png, a.overlay.png"))
    }

    @Test(
        "a closed standard error does not stop the run, and control characters in names are not printed"
    )
    func terminal() throws {
        try frame("a\u{1B}[31m.png")
        let shell = Program(executable: URL(filePath: "/bin/sh"))
        for place in ["2>&-", "2>/dev/full"] {
            let outcome = try shell(
                "-c",
                "\"$0\" segment \"$1\" --model litemedsam --box=-1,1,50,50 -o \"$2\" --force \(place)",
                samus.executable.path, scratch.path("a\u{1B}[31m.png"), scratch.path("out"))
            #expect(outcome.code == 0)
            #expect(!outcome.output.contains("\u{1B}"))
        }
    }

    @Test("a device that does not exist is refused with one line, and nothing is written")
    func refusals() throws {
        try frame("a.png")
        let outcome = try segment(
            [scratch.path("a.png"), "--device", "cuda", "-o", scratch.path("o")] + box)
        #expect(outcome.code == 69)
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(scratch.files("o") == [])
    }
}
