import Datasets
import FileIO
import Foundation
import Imaging
import TestSupport
import Testing

@Suite("The US30K layout is read leniently where it is unambiguous")
struct LayoutTests {
    @Test("blank lines, CR LF, a byte order mark and spaces are ignored; a class is optional")
    func lines() throws {
        let tree = try DataTree()
        try tree.text(
            "MainPatient/test.txt",
            "\u{FEFF}Breast-BUSI/a\r\n\r\n  1/Breast-BUSI/b \r\n2/Echo-CAMUS/c\r\nEcho-CAMUS/d")
        #expect(
            try tree.opened().samples(.test).map(\.id) == [
                "Breast-BUSI/a#1", "Breast-BUSI/b#1", "Echo-CAMUS/c#2", "Echo-CAMUS/d#1",
                "Echo-CAMUS/d#2", "Echo-CAMUS/d#3",
            ])
    }

    @Test("the two names of TG3K mean one dataset in lists, class.json and folders")
    func twins() throws {
        let tree = try DataTree(classes: #"{"ThyroidGland-TG3K": 2}"#)
        try tree.image("ThyroidNodule-TG3K", "0001")
        try tree.list("val-ThyroidNodule-TG3K", "1/ThyroidNodule-TG3K/0001")
        for name in ["ThyroidGland-TG3K", "ThyroidNodule-TG3K"] {
            let samples = try tree.opened().samples(.val, of: name)
            #expect(samples.map(\.id) == ["ThyroidGland-TG3K/0001#1"])
            #expect(try samples[0].read().mask(of: 1).area == 1)
        }
    }

    @Test("a missing list is replaced by the common list, and the reverse")
    func missingLists() throws {
        let tree = try DataTree()
        try tree.list("train", "1/Breast-BUSI/a", "1/Echo-CAMUS/b")
        try tree.list("test-Echo-CAMUS", "Echo-CAMUS/c")
        try tree.list("test-Breast-BUSI", "Breast-BUSI/d")
        let data = try tree.opened()
        #expect(try data.samples(.train, of: "Echo-CAMUS").map(\.name) == ["b"])
        #expect(try data.samples(.test).map(\.name) == ["d", "c", "c", "c"])
        #expect(throws: DatasetError.self) { try data.samples(.val) }
        #expect(
            throws: DatasetError.empty(root: tree.root, what: "samples in test of 'Breast-BUSI'")
        ) {
            try tree.list("test-Breast-BUSI")
            _ = try data.samples(.test, of: "Breast-BUSI")
        }
    }

    @Test(
        "lines with a path out of the folder or without meaning are refused with their number",
        arguments: [
            "1/Breast-BUSI/../x", "../Breast-BUSI", "1/Breast-BUSI/..", "Breast-BUSI//a", "a",
            "1/Other/a", "0/Breast-BUSI/a", "2/Breast-BUSI/a", "x/Breast-BUSI/a",
            "1/Breast-BUSI/a\\b", "1/Breast-BUSI/a\u{0}b", "/etc/passwd", "1/1/Breast-BUSI/a",
        ])
    func refused(line: String) throws {
        let tree = try DataTree()
        try tree.list("train", "1/Breast-BUSI/good", line)
        #expect {
            try tree.opened().samples(.train)
        } throws: { error in
            guard case DatasetError.malformedLine(_, line: 2, _, _) = error else { return false }
            return true
        }
    }

    @Test("a wrong class.json or list is reported with what is needed")
    func helpfulErrors() throws {
        let tree = try DataTree()
        try tree.image("Breast-BUSI", "a")
        let classes = "\(tree.root)/MainPatient/class.json"
        for (content, words) in [
            ("{}", "no dataset in class.json"), ("[1]", #"as {"Breast-BUSI": 2}"#),
            (#"{"../x": 2}"#, "2 to 256"), (#"{"Breast-BUSI": 1}"#, "2 to 256"),
        ] {
            try tree.text("MainPatient/class.json", content)
            expectError(words) { try tree.opened() }
        }
        try FileManager.default.removeItem(atPath: classes)
        expectError(#"background included, as {"Breast-BUSI": 2}"#) { try tree.opened() }
        expectError("there is no such folder") { try DatasetCollection(root: tree.root + "/no") }
        try FileManager.default.createDirectory(
            atPath: classes, withIntermediateDirectories: false)
        expectError("not a regular file") { try tree.opened() }

        let large = try DataTree()
        try large.data("MainPatient/train.txt", Data(count: 17 << 20))
        expectError("at most 8388608 are read") { try large.opened().samples(.train) }
        try large.data("MainPatient/train.txt", Data([0xFF, 0xFE, 0x31, 0]))
        expectError("not UTF-8 text") { try large.opened().samples(.train) }
    }

    private func expectError<Result>(_ words: String, _ body: () throws -> Result) {
        do {
            _ = try body()
            Issue.record("'\(words)' was not thrown")
        } catch {
            #expect("\(error)".contains(words), "\(error)")
        }
    }

    @Test("with two classes a label is one object: any one value, or the upper half of grey values")
    func onlyClass() throws {
        let tree = try DataTree()
        try tree.image("Breast-BUSI", "grey", width: 2, height: 2, label: [0, 1, 255, 128])
        try tree.image("Breast-BUSI", "blue", width: 2, height: 2)
        try tree.image(
            Image(
                width: 2, height: 2, channels: 3,
                pixels: [0, 0, 1] + [UInt8](repeating: 0, count: 9)),
            "Breast-BUSI/label/blue.png")
        try tree.image("Breast-BUSI", "one", width: 2, height: 2, label: [0, 1, 0, 1])
        try tree.list(
            "train", "1/Breast-BUSI/grey", "1/Breast-BUSI/blue", "1/Breast-BUSI/one")
        let samples = try tree.opened().samples(.train)
        #expect(try samples[0].read().label.pixels == [0, 0, 1, 1])
        #expect(try samples[0].read().labelNote?.contains("3 grey values") == true)
        #expect(try samples[1].read().label.pixels == [1, 0, 0, 0])
        #expect(try samples[2].read().label.pixels == [0, 1, 0, 1])
        #expect(try samples[2].read().labelNote == nil)
        let report = try #require(try DatasetCheck(tree.opened()).run())
        #expect(
            report.findings.filter { $0.kind == .doubtfulLabel }.map(\.place) == [
                "Breast-BUSI/grey"
            ])
    }

    @Test("JPEG images, and JPEG labels of one class, are read where there is no PNG")
    func jpeg() throws {
        let tree = try DataTree()
        let jpeg = try Data(contentsOf: Shared.package.appending(path: Self.jpegFixture))
        let size = try Image.decode([UInt8](jpeg), name: "fixture").size
        try tree.data("Breast-BUSI/img/a.jpg", jpeg)
        try tree.data("Breast-BUSI/label/a.JPEG", jpeg)
        try tree.data("Echo-CAMUS/img/b.jpeg", jpeg)
        try tree.data("Echo-CAMUS/label/b.jpg", jpeg)
        try tree.list("train", "1/Breast-BUSI/a", "1/Echo-CAMUS/b")
        let samples = try tree.opened().samples(.train)
        let labelled = try samples[0].read()
        #expect(labelled.image.size == size)
        #expect(labelled.mask(of: 1) == (try Mask.decode([UInt8](jpeg), name: "fixture")))
        expectError("JPEG changes the numbers of 4 classes") { try samples[1].read() }
    }

    private static let jpegFixture = "Tests/Fixtures/imaging/grey.jpg"

    @Test(
        "labels of several classes keep their numbers, also in three equal channels; colours are refused"
    )
    func numberedClasses() throws {
        let tree = try DataTree()
        try tree.image("Echo-CAMUS", "a", width: 2, height: 2, label: [0, 1, 2, 3])
        try tree.image("Echo-CAMUS", "b", width: 2, height: 2)
        try tree.image("Echo-CAMUS", "c", width: 2, height: 2)
        try tree.image(
            Image(width: 2, height: 2, channels: 3, pixels: [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]),
            "Echo-CAMUS/label/b.png")
        try tree.image(
            Image(width: 2, height: 2, channels: 3, pixels: [UInt8](0..<12)),
            "Echo-CAMUS/label/c.png")
        try tree.list("train", "1/Echo-CAMUS/a", "1/Echo-CAMUS/b", "1/Echo-CAMUS/c")
        let samples = try tree.opened().samples(.train)
        #expect(try samples[0].read().label.pixels == [0, 1, 2, 3])
        #expect(try samples[1].read().label.pixels == [0, 1, 2, 3])
        expectError("it is coloured") { try samples[2].read() }
    }

    @Test("patients and spacing come from index.csv, else patients from file names")
    func patients() throws {
        let sets =
            [
                ("Echo-CAMUS", "patient0010_2CH_ES", "patient0010"),
                ("Breast-BUSBRA", "bus_0006-s", "bus_0006"),
                ("FetalHead-HC18", "hc082_2HC", "hc082"),
                ("FetalHead-HC18", "082_HC", "082"),
                ("ThyroidNodule-DDTI", "ddti001_2_n1", "ddti001"),
                (
                    "Carotid-CCAUS", "ccaus_202201121748100022VAS_slice_1",
                    "ccaus_202201121748100022"
                ),
                ("Breast-BUSI", "benign0015", nil), ("Echo-CAMUS", "patient_2CH", nil),
            ] as [(String, String, String?)]
        let names = Set(sets.map(\.0)).sorted()
        let tree = try DataTree(
            classes: "{" + names.map { "\"\($0)\": 2" }.joined(separator: ",") + "}")
        try tree.text("MainPatient/train.txt", sets.map { "1/\($0.0)/\($0.1)\n" }.joined())
        #expect(try tree.opened().samples(.train).map(\.patient) == sets.map(\.2))

        try tree.text(
            "Echo-CAMUS/index.csv",
            "\u{FEFF}name,patient,mm_x,mm_y,remark\r\n"
                + "patient0010_2CH_ES,\"a,b\",0.1,0.2,5\" probe\r\npatient_2CH,,0.3,,\r\n")
        let samples = try tree.opened().samples(.train).filter { $0.dataset == "Echo-CAMUS" }
        #expect(samples.map(\.patient) == ["a,b", nil])
        #expect(samples.map(\.spacing) == [PixelSpacing(x: 0.1, y: 0.2), nil])
    }

    @Test(
        "CSV with quotes, CR LF and commas is read",
        arguments: [
            ("a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]),
            ("a\n\n\"x\"\"y\n\",\"\"", [["a"], ["x\"y\n", ""]]),
            ("5\" probe,b\nc", [["5\" probe", "b"], ["c"]]), ("", []), ("\"open\n", [["open\n"]]),
        ])
    func csv(text: String, rows: [[String]]) {
        #expect(CSV.rows(text) == rows)
    }
}

@Suite(
    "Real data is read as the reference read it",
    .enabled(if: Shared.isPresent, "needs ../shared"))
struct RealLayoutTests {
    @Test("grey images and labels equal those of OpenCV")
    func golden() throws {
        struct Entry: Decodable {
            let name: String
            let dataset: String
            let file: String
        }
        let folder = Shared.folder.appending(path: "golden/preprocessing")
        let entries = try JSONDecoder().decode(
            [Entry].self, from: Data(contentsOf: folder.appending(path: "manifest.json")))
        let data = try DatasetCollection(root: Shared.folder.appending(path: "data").path)
        let samples = try Split.allCases.flatMap { try data.samples($0) }
        for entry in entries {
            let sample = try #require(
                samples.first { $0.dataset == entry.dataset && "\($0.name).png" == entry.file })
            let labelled = try sample.read()
            let path = folder.appending(path: entry.name).path
            #expect(labelled.image == (try Image.read("\(path)-grey-source.png")))
            let label = try Image.read("\(path)-label-source.png")
            #expect(
                labelled.mask(of: 1).values
                    == label.pixels.map { sample.classes == 2 ? min($0, 1) : $0 == 1 ? 1 : 0 })
        }
    }
}
