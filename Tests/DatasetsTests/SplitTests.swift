import Datasets
import Foundation
import Imaging
import Testing

@Suite("DatasetSplit splits by patient")
struct SplitTests {
    private let tree: DataTree

    init() throws {
        tree = try DataTree()
        for patient in 1...20 {
            for view in 1...(patient == 1 ? 9 : 2) {
                try tree.image(
                    "Echo-CAMUS", "patient00\(patient + 10)_\(view)CH", shade: patient * 10 + view,
                    label: view == 1 ? [1, 2] : [1, 2, 3])
            }
        }
        for index in 0..<10 {
            // Images 2 and 3 are equal.
            try tree.image("Breast-BUSI", "p\(index)", shade: index == 3 ? 2 : index)
        }
    }

    private func options(_ change: (inout SplitOptions) -> Void = { _ in }) -> SplitOptions {
        var options = SplitOptions()
        change(&options)
        return options
    }

    @Test("no patient or image is in two splits, the fractions are met, and no image is missing")
    func sound() throws {
        for seed in 0..<5 as Range<UInt64> {
            let split = try DatasetSplit(
                tree.opened(),
                options: options {
                    $0.seed = seed
                    $0.replaces = true
                })
            try split.write()
            let report = try #require(try DatasetCheck(tree.opened()).run())
            let kinds = Set(report.findings.map(\.kind))
            #expect(kinds.isSubset(of: [.duplicate]), "\(report.findings)")
            #expect(report.datasets.map(\.images) == [10, 47])
            for (set, wanted) in zip(report.datasets, [[7, 1, 2], [33, 5, 9]]) {
                #expect(set.splits.map(\.split) == Split.allCases)
                for (part, count) in zip(set.splits, wanted) {
                    #expect(abs(part.images - count) <= 2, "\(set.name) \(part)")
                }
            }
            #expect(split.parts.map(\.withoutPatient) == [10, 0])
        }
    }

    @Test("each class in a label has a line; a test image with all classes has one line")
    func lines() throws {
        try DatasetSplit(tree.opened()).write()
        let train = try tree.lines("train-Echo-CAMUS")
        let name = try #require(train.first { $0.hasSuffix("_1CH") }).dropFirst(2)
        #expect(train.filter { $0.hasSuffix(name) }.map { $0.prefix(2) } == ["1/", "2/"])
        for line in try tree.lines("test-Echo-CAMUS") {
            #expect(line.hasPrefix("Echo-CAMUS/") == line.hasSuffix("_2CH"), "\(line)")
        }
        #expect(
            try tree.lines("train") == tree.lines("train-Breast-BUSI")
                + tree.lines("train-Echo-CAMUS"))
    }

    @Test("lists depend on the seed only, not on the other datasets")
    func seeded() throws {
        let data = try tree.opened()
        func texts(_ seed: UInt64, _ sets: [String] = []) throws -> [String: String] {
            let split = try DatasetSplit(
                data,
                options: options {
                    $0.seed = seed
                    $0.datasets = sets
                })
            return Dictionary(uniqueKeysWithValues: split.lists.map { ($0.name, $0.text) })
        }
        #expect(try texts(1) == texts(1))
        #expect(try texts(1) != texts(2))
        #expect(
            try texts(1)["train-Breast-BUSI.txt"]
                == texts(1, ["Breast-BUSI"])["train-Breast-BUSI.txt"])
    }

    @Test("existing lists stay; replacing one dataset keeps the lines of the others")
    func existing() throws {
        try tree.list("train", "1/Breast-BUSI/p0", "1/Echo-CAMUS/patient0011_1CH")
        let data = try tree.opened()
        #expect(throws: SplitError.listsExist(["train.txt"])) { try DatasetSplit(data) }
        let one = try DatasetSplit(
            data,
            options: options {
                $0.datasets = ["Breast-BUSI"]
                $0.replaces = true
            })
        #expect(try tree.lines("train").count == 2)
        try one.write()
        let train = try tree.lines("train")
        #expect(train.first == "1/Echo-CAMUS/patient0011_1CH")
        #expect(train.filter { $0.contains("Echo") }.count == 1)
        #expect(train.count { $0.contains("BUSI") } == (one.parts[0].images[.train] ?? 0))
        #expect(throws: SplitError.self) {
            try DatasetSplit(data, options: options { $0.datasets = ["No"] })
        }
    }

    @Test("after a damaged image or a stop nothing is written")
    func refused() throws {
        #expect(throws: SplitError.interrupted) {
            try DatasetSplit(tree.opened()) { $0.done < 3 }
        }
        try tree.text("Breast-BUSI/img/p4.png", "x")
        #expect {
            try DatasetSplit(tree.opened())
        } throws: { error in
            "\(error)".contains("1 file cannot be used, nothing was written")
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: "\(tree.root)/MainPatient")
                == ["class.json"])
    }

    @Test("if one list cannot be written, all lists stay unchanged")
    func whole() throws {
        try tree.list("train", "1/Breast-BUSI/p0")
        let split = try DatasetSplit(tree.opened(), options: options { $0.replaces = true })
        try FileManager.default.createDirectory(
            atPath: "\(tree.root)/MainPatient/val.txt", withIntermediateDirectories: false)
        #expect(throws: SplitError.self) { try split.write() }
        #expect(try tree.lines("train") == ["1/Breast-BUSI/p0"])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: "\(tree.root)/MainPatient")
                .sorted() == ["class.json", "train.txt", "val.txt"])
    }

    @Test("a new common list includes the lines of all datasets' own lists")
    func ownLists() throws {
        try DatasetSplit(tree.opened()).write()
        for split in Split.allCases {
            try FileManager.default.removeItem(
                atPath: "\(tree.root)/MainPatient/\(split.rawValue).txt")
        }
        let other = try tree.lines("train-Breast-BUSI")
        try DatasetSplit(
            tree.opened(),
            options: options {
                $0.datasets = ["Echo-CAMUS"]
                $0.replaces = true
            }
        ).write()
        let all = try tree.lines("train")
        #expect(other.allSatisfy(all.contains))
        #expect(all.contains { $0.contains("Echo-CAMUS") })
    }

    @Test("patients with spaces, several names or a pattern stay together")
    func patientTables() throws {
        for (table, pattern) in [
            ("name,patient\np0,A\np1,B\np2,C\np3,A \np4, B\np5,C \n", nil),
            ("name,patient\np0,A\np1,B\np2,C\np3,X\np3,A\np4,Y\np4,B\np5,Z\np5,C\n", nil),
            ("name\n", #"p(\d)$"#),
        ] as [(String, String?)] {
            let tree = try DataTree(classes: #"{"T": 2}"#)
            for index in 0..<6 { try tree.image("T", "p\(index)", shade: index) }
            try tree.text("T/index.csv", table)
            let data = try DatasetCollection(
                root: tree.root, patientPattern: try pattern.map { try PatientPattern($0) })
            for seed in 0..<4 as Range<UInt64> {
                let split = try DatasetSplit(data, options: options { $0.seed = seed })
                #expect(split.parts[0].withoutPatient == 0)
                let groups = split.parts[0].groups.values.reduce(0, +)
                #expect(groups == (pattern == nil ? 3 : 6), "\(table)")
            }
        }
    }
}
