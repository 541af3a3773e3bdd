import Datasets
import Foundation
import Imaging
import TestSupport
import Testing

@Suite("DatasetCheck finds errors in datasets")
struct CheckTests {
    private let tree: DataTree

    /// A valid root: two datasets, three splits.
    init() throws {
        tree = try DataTree()
        for (index, name) in ["a", "b", "c"].enumerated() {
            try tree.image("Breast-BUSI", name, shade: index, width: 8 + index)
        }
        try tree.image("Echo-CAMUS", "patient0001_2CH_ED", shade: 10, label: [1, 2, 3])
        try tree.image("Echo-CAMUS", "patient0001_2CH_ES", shade: 11, label: [1, 2, 3])
        try tree.image("Echo-CAMUS", "patient0002_2CH_ED", shade: 12, label: [1, 2, 2, 3])
        try tree.list(
            "train", "1/Breast-BUSI/a", "1/Echo-CAMUS/patient0001_2CH_ED",
            "2/Echo-CAMUS/patient0001_2CH_ES")
        try tree.list("val", "1/Breast-BUSI/b")
        try tree.list("test", "Breast-BUSI/c", "Echo-CAMUS/patient0002_2CH_ED")
    }

    private func report() throws -> DatasetReport {
        try #require(try DatasetCheck(tree.opened()).run())
    }

    private func findings() throws -> [String] {
        try report().findings.map { "\($0.kind.rawValue) \($0.place): \($0.text)" }
    }

    @Test("valid data gives no finding and correct counts")
    func sound() throws {
        try tree.text("Breast-BUSI/index.csv", "name,patient,mm_x,mm_y\na,p1,0.1,0.1\nb,p2,,\n")
        let report = try report()
        #expect(report.findings.isEmpty, "\(report.findings)")
        let busi = try #require(report.datasets.first)
        #expect(busi.name == "Breast-BUSI" && busi.classes == 2 && busi.images == 3)
        #expect(busi.withSpacing == 1 && busi.withPatient == 2 && busi.unlisted == 0)
        #expect(busi.widths == [8, 10] && busi.heights == [6, 6])
        #expect(busi.splits.map(\.split) == [.train, .val, .test])
        let camus = report.datasets[1]
        #expect(camus.splits.map(\.samples) == [[1, 1, 0], [1, 1, 1]])
        #expect(camus.splits.map(\.images) == [2, 1])
        #expect(camus.splits.map(\.patients) == [1, 1])
        #expect(try self.report() == report)
    }

    @Test("missing, damaged and empty files, different sizes and unknown classes are found")
    func files() throws {
        let folder = tree.url.appending(path: "Breast-BUSI")
        try FileManager.default.removeItem(at: folder.appending(path: "img/a.png"))
        try tree.text("Breast-BUSI/label/b.png", "no image")
        try tree.image(
            Image(width: 3, height: 2, channels: 1, pixels: [UInt8](repeating: 1, count: 6)),
            "Breast-BUSI/label/c.png")
        try tree.image("Echo-CAMUS", "patient0001_2CH_ED", shade: 10, label: [1, 4, 255])
        try tree.image("Echo-CAMUS", "patient0001_2CH_ES", shade: 11, label: [0])
        try tree.image("Echo-CAMUS", "patient0002_2CH_ED", shade: 12, label: [1, 3])
        let report = try report()
        #expect(report.errors.map(\.kind) == [.missing, .unreadable, .sizes, .unknownLabel])
        #expect(report.errors[0].text.contains("Breast-BUSI/img/a.png' does not exist"))
        #expect(report.errors[1].text.contains("is not an image of a known format"))
        #expect(report.errors[2].text.contains("has 10x6 pixels, its label 3x2"))
        #expect(report.errors[3].text == "its label has the values 4, 255; the classes are 1 to 3")
        #expect(
            report.warnings.map(\.text) == [
                "its label has no pixel of class 2", "its label is empty",
            ])
        #expect(report.datasets[1].splits.map(\.empty) == [[0, 1, 0], [0, 1, 0]])
    }

    @Test("an image in two splits is found by name, and by pixels across files and datasets")
    func sameImage() throws {
        try tree.image("Echo-CAMUS", "patient0009_2CH_ED", shade: 0, label: [1, 2, 3])
        try tree.list(
            "val", "1/Breast-BUSI/b", "1/Breast-BUSI/a", "1/Echo-CAMUS/patient0009_2CH_ED")
        #expect(
            try findings() == [
                "same-image-in-two-splits Breast-BUSI/a: listed in train and val",
                "same-image-in-two-splits Breast-BUSI/a (train and val): the same pixels as "
                    + "Echo-CAMUS/patient0009_2CH_ED (val)",
            ])
        // Equal pixels in rows of another length are a different image.
        try tree.image("Echo-CAMUS", "patient0009_2CH_ED", shade: 0, width: 6, height: 8)
        try tree.list("val", "1/Breast-BUSI/b", "1/Echo-CAMUS/patient0009_2CH_ED")
        #expect(try report().findings.map(\.kind) == [.unknownLabel, .emptyMask])
    }

    @Test("a patient in two splits is found by file names and by index.csv")
    func samePatient() throws {
        try tree.list("val", "1/Breast-BUSI/b", "1/Echo-CAMUS/patient0001_2CH_ES")
        try tree.list("train", "1/Breast-BUSI/a", "1/Echo-CAMUS/patient0001_2CH_ED")
        try tree.text("Breast-BUSI/index.csv", "name,patient\na,7\nb,8\nc,7\n")
        #expect(
            try findings() == [
                "same-patient-in-two-splits Breast-BUSI/7: has images in train (as a) and "
                    + "test (as c)",
                "same-patient-in-two-splits Echo-CAMUS/patient0001: has images in train (as "
                    + "patient0001_2CH_ED) and val (as patient0001_2CH_ES)",
            ])
    }

    @Test("index.csv: spaces, extensions and case are accepted; what is wrong with it is reported")
    func index() throws {
        let tree = try DataTree(classes: #"{"T": 2}"#)
        for name in ["p0", "p1", "p2", "p3", "p4"] {
            try tree.image("T", name, shade: Int(name.utf8.last ?? 0))
        }
        try tree.text(
            "T/index.csv",
            " Name , Patient,MM_X, mm_y\np0.png,A ,0.1,0.2\n p1, A,abc,1\nP2,B,0,1\np3,B\np3,C\n"
                + "p4,C,,\np4, C,,\nq9,D\n,E\n")
        try tree.list("train", "1/T/p0", "1/T/p2", "1/T/p4")
        try tree.list("val", "1/T/p1", "1/T/p3")
        let samples = try tree.opened().samples(.train)
        #expect(samples.map(\.patient) == ["A", "B", "B"])
        #expect(samples[0].spacing == PixelSpacing(x: 0.1, y: 0.2))
        let report = try #require(try DatasetCheck(tree.opened()).run())
        func places(_ kind: DatasetFinding.Kind) -> [String] {
            report.findings.filter { $0.kind == kind }.map(\.place)
        }
        #expect(places(.samePatient) == ["T/A", "T/B"])
        #expect(places(.indexConflict) == ["T/index.csv, row 5"])
        #expect(
            places(.indexRow) == [
                "T/index.csv, row 2", "T/index.csv, row 3", "T/index.csv, row 7",
                "T/index.csv, row 9", "T/index.csv",
            ])
        #expect(report.findings.contains { $0.text == "1 of its rows name no image, such as 'q9'" })
    }

    @Test("two files of one name are an error, other files in img and label a warning")
    func otherFiles() throws {
        let tree = try DataTree(classes: #"{"T": 2}"#)
        try tree.image("T", "a")
        try tree.text("T/img/a.jpg", "x")
        try tree.text("T/label/notes.txt", "x")
        try tree.list("train", "1/T/a")
        let report = try #require(try DatasetCheck(tree.opened()).run())
        #expect(report.errors.map(\.kind) == [.sameName])
        #expect(report.errors[0].text.contains("only 'a.png' is read"))
        #expect(report.warnings.contains { $0.kind == .otherFile && $0.text.contains("notes.txt") })
    }

    @Test("bad and repeated lines, differing and absent lists are found")
    func lists() throws {
        try tree.list("val", "1/Breast-BUSI/b", "1/Breast-BUSI/b", "9/Breast-BUSI/b", "../x/y")
        try tree.list("train-Breast-BUSI", "1/Breast-BUSI/a", "1/Echo-CAMUS/patient0001_2CH_ED")
        try tree.list("train-Echo-CAMUS", "1/Echo-CAMUS/patient0001_2CH_ED")
        try tree.list("train-Other", "1/Other/a")
        try FileManager.default.removeItem(atPath: "\(tree.root)/MainPatient/test.txt")
        let report = try report()
        #expect(
            report.findings.map { "\($0.kind.rawValue) \($0.place)" } == [
                "bad-line val.txt:3", "bad-line val.txt:4", "bad-line train-Breast-BUSI.txt:2",
                "bad-line train-Other.txt:1", "lists-differ train.txt",
                "lists-differ train.txt", "repeated-line val.txt:2", "unlisted Breast-BUSI",
                "unlisted Echo-CAMUS", "absent-list test.txt",
            ])
        #expect(
            report.findings[4].text
                == "lacks 1 sample of 'train-Breast-BUSI.txt', as "
                + "Echo-CAMUS/patient0001_2CH_ED#1")
        #expect(
            report.findings[5].text
                == "has 1 sample that 'train-Echo-CAMUS.txt' lacks, as "
                + "Echo-CAMUS/patient0001_2CH_ES#2")
    }

    @Test("a duplicate within a split and an unlisted image are warnings")
    func warnings() throws {
        try tree.image("Breast-BUSI", "d", shade: 1, width: 9)
        try tree.image("Breast-BUSI", "e", shade: 99)
        try tree.list("val", "1/Breast-BUSI/b", "1/Breast-BUSI/d")
        let report = try report()
        #expect(report.errors.isEmpty)
        #expect(report.warnings.map(\.kind) == [.duplicate, .unlisted])
        #expect(report.warnings[1].text == "1 image in no list, such as e")
    }

    @Test("without lists the check fails; when stopped it gives no report")
    func noLists() throws {
        #expect(try DatasetCheck(tree.opened()).run { $0.done < 2 } == nil)
        let empty = try DataTree()
        #expect(throws: DatasetError.self) { try DatasetCheck(empty.opened()).run() }
    }

    @Test("the sheet has images of every dataset")
    func sheet() throws {
        let sheet = try #require(try SampleSheet.draw(tree.opened(), perSet: 2))
        #expect(sheet.channels == 3 && sheet.width > 2 * 256 && sheet.height > 216)
    }
}

@Suite("DatasetCheck on published data", .enabled(if: Shared.isPresent, "needs ../shared"))
struct RealCheckTests {
    @Test("carotid and liver images have no errors, and their number is that of index.csv")
    func real() throws {
        let scratch = try DataTree(classes: #"{"Carotid-CCAUS": 2, "LiverMass-AUL": 2}"#)
        let real = Shared.folder.appending(path: "data")
        for dataset in ["Carotid-CCAUS", "LiverMass-AUL"] {
            try FileManager.default.createSymbolicLink(
                at: scratch.url.appending(path: dataset),
                withDestinationURL: real.appending(path: dataset))
            for split in Split.allCases {
                let name = "MainPatient/\(split.rawValue)-\(dataset).txt"
                try scratch.data(name, Data(contentsOf: real.appending(path: name)))
            }
        }
        let report = try #require(try DatasetCheck(scratch.opened()).run())
        #expect(report.findings.isEmpty, "\(report.findings)")
        #expect(report.datasets.map { $0.splits.map(\.images) } == [[15, 1, 4], [27, 6, 3]])
        #expect(report.datasets[0].splits.map(\.patients) == [5, 1, 2])
    }
}
