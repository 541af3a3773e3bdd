import Datasets
import Foundation
import Imaging
import Testing

@Suite("An import is complete or leaves nothing")
struct ImportingTests {
    private let tree: ImportTree

    init() throws {
        tree = try ImportTree()
        for name in ["a", "b", "c"] {
            try tree.image("original/\(name).png")
            try tree.mask("GT/\(name).png", at: [(1, 1)])
        }
    }

    private func error(_ body: () throws -> Void) -> ImportError? {
        do {
            try body()
            return nil
        } catch {
            return error as? ImportError
        }
    }

    @Test("a stopped import leaves nothing")
    func stopped() throws {
        var steps = 0
        let importer = DataImporter(.udiat)
        #expect(throws: ImportError.interrupted) {
            try importer.run(from: tree.source, into: tree.root) { _ in
                steps += 1
                return steps < 3
            }
        }
        #expect(tree.files() == ["MainPatient"])
    }

    @Test("an existing dataset and its lines are replaced only with `replaces`")
    func replacing() throws {
        _ = try tree.run(.udiat) { $0.dataset = "Other" }
        _ = try tree.run(.udiat)
        let before = try tree.lines("MainPatient/train.txt")
        #expect(before.count == 6)
        #expect(
            error { _ = try tree.run(.udiat) } == .exists(path: "\(tree.root)/Breast-UDIAT"))
        try FileManager.default.removeItem(atPath: tree.source + "/original/b.png")
        try FileManager.default.removeItem(atPath: tree.source + "/GT/b.png")
        _ = try tree.run(.udiat) { $0.replaces = true }
        #expect(
            try tree.lines("MainPatient/train.txt") == before.filter { $0 != "1/Breast-UDIAT/b" })
        #expect(
            !tree.files().contains {
                $0.contains("partial") || $0.hasSuffix("/b.png") && !$0.hasPrefix("Other")
            })
        #expect(try DatasetCollection(root: tree.root).classes == ["Other": 2, "Breast-UDIAT": 2])
    }

    @Test("existing lists in another format stay unchanged")
    func olderLists() throws {
        try FileManager.default.createDirectory(
            atPath: "\(tree.root)/MainPatient", withIntermediateDirectories: true)
        let json = "\(tree.root)/MainPatient/class.json"
        try Data("[1]".utf8).write(to: URL(filePath: json))
        #expect(
            error { _ = try tree.run(.udiat) }
                == .unreadable(
                    path: json, reason: "an object of datasets and their classes is needed"))
        #expect(tree.files() == ["MainPatient", "MainPatient/class.json"])
    }

    @Test("without a usable image nothing is written")
    func nothing() throws {
        for name in ["a", "b", "c"] { try tree.text("original/\(name).png", "no image") }
        let report = try tree.run(.udiat)
        #expect(report.images == 0 && report.problems.count == 3)
        #expect(tree.files() == ["MainPatient"])
    }

    @Test("nested folders, a missing source, a wrong format and a bad name are refused")
    func refusals() throws {
        let inside = DataImporter(.udiat)
        #expect(throws: ImportError.self) {
            try inside.run(from: tree.source, into: tree.source)
        }
        #expect(throws: ImportError.self) {
            try inside.run(from: tree.source + "/none", into: tree.root)
        }
        for format in ImportFormat.allCases where format != .udiat && format != .folders {
            #expect(throws: ImportError.self, "\(format)") {
                try tree.run(format) { $0.dataset = "New" }
            }
        }
        for name in ["../x", "a/b", ".hidden", "MainPatient", "", "a b"] {
            #expect(throws: ImportError.self, "\(name)") {
                try tree.run(.udiat) { $0.dataset = name }
            }
        }
        #expect(tree.files().isEmpty)
    }

    @Test("names are safe and unique for any original names")
    func names() throws {
        let odd = try ImportTree()
        for name in ["A", "a", "a?", "ä ö", "..x", "a\nb", "💥", String(repeating: "é", count: 120)]
        {
            try odd.image("images/\(name).png")
            try odd.mask("masks/\(name).png", at: [(0, 0)])
        }
        let report = try odd.run(.folders) { $0.dataset = "Odd" }
        #expect(report.images + report.problems.count >= 6)
        let names = try odd.index("Odd").keys
        #expect(names.contains("a_b") && names.contains("image"))
        #expect(Set(names.map { $0.lowercased() }).count == report.images)
        for line in try odd.lines("MainPatient/train.txt") {
            #expect(line.split(separator: "/").count == 3)
        }
        #expect(try DatasetCollection(root: odd.root).samples(.train).count == report.images)
    }

    @Test("a new common list includes the lines of all datasets' own lists")
    func ownLists() throws {
        try tree.image("benign/benign (1).png")
        try tree.mask("benign/benign (1)_mask.png", at: [(1, 1)])
        let folder = URL(filePath: tree.root).appending(path: "MainPatient")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, text) in [
            ("class.json", #"{"Other": 2}"#), ("test-Other.txt", "1/Other/x\n"),
            ("train-Other.txt", "1/Other/y\n"),
        ] {
            try Data(text.utf8).write(to: folder.appending(path: name))
        }
        _ = try tree.run(.busi)
        #expect(try tree.lines("MainPatient/test.txt") == ["1/Other/x"])
        #expect(
            try tree.lines("MainPatient/train.txt") == ["1/Other/y", "1/Breast-BUSI/benign0001"])
    }
}
