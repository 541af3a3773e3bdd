import Datasets
import Foundation
import Imaging
import Testing

@Suite("Import of outlines")
struct OutlineImportTests {
    private let tree: ImportTree

    init() throws {
        tree = try ImportTree()
    }

    @Test("DDTI: contours are filled; truncated, missing and empty ones are reported")
    func ddti() throws {
        func svg(_ x: Int) -> String {
            #"[{"points": [{"x": \#(x), "y": 1}, {"x": \#(x + 3), "y": 1}, {"x": \#(x + 3), "#
                + #""y": 4}, {"x": \#(x), "y": 4}], "annotation": "", "regionType": "freehand"}]"#
        }
        for name in ["1_1", "1_2", "1_3", "2_1", "3_1", "4_1", "5_1"] {
            try tree.image("\(name).png", width: 12, height: 8)
        }
        let entity = svg(6).replacing("\"", with: "&quot;")
        try tree.text(
            "1.xml",
            "<?xml version=\"1.0\"?><!DOCTYPE case [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
                + "<case><number>1</number><tirads>4a</tirads>"
                + "<mark><image>1</image><svg>\(svg(1))</svg></mark>"
                + "<mark><image>1</image><svg>\(entity)</svg></mark>"
                + "<mark><image>2</image><svg></svg></mark>"
                + "<mark>\n <image>9</image>\n <svg>\(svg(1))</svg></mark></case>")
        try tree.text(
            "2.xml",
            "<case><mark><image>1</image><svg>\(svg(1).dropLast(9))</svg></mark></case>")
        try tree.text("3.xml", "<case><marks>&x;</marks></case>")
        try tree.text(
            "5.xml",
            "<mark><image>1</image><svg>\(svg(1).replacing("4}", with: "1e999}"))</svg></mark>")
        let report = try tree.run(.ddti)
        #expect(report.images == 1)
        #expect(report.problems.map(\.file) == ["1.xml", "2.xml", "3.xml", "5.xml"])
        #expect(report.problems[0].reason == "the image '1_9.jpg' is missing")
        #expect(report.problems[1].reason.contains("truncated"))
        #expect(Set(report.remarks.map(\.file)) == ["1_2.png", "1_3.png", "3_1.png", "4_1.png"])
        let places = try tree.places("ThyroidNodule-DDTI", "1_1")
        #expect(places.count == 18 && places.first == [1, 1] && places.last == [8, 3])
        let row = try #require(tree.index("ThyroidNodule-DDTI")["1_1"])
        #expect(row["patient"] == "ddti1" && row["tirads"] == "4a")
    }

    /// Equal to `pycocotools.mask.decode` of the packed text, which it made of columns 2 to 4 and
    /// rows 1 to 3 of 6 rows and 8 columns.
    private let packed = "=33000a0"

    @Test(
        "COCO: polygons, run lengths, categories and splits are imported; a path out of the folder is refused"
    )
    func coco() throws {
        for name in ["a", "b", "c", "d"] { try tree.image("train/\(name).png") }
        try tree.image("valid/e.png")
        func file(_ names: [String], _ annotations: String) -> String {
            let images = names.enumerated().map {
                #"{"id": \#($0), "file_name": "\#($1)", "width": 8, "height": 6}"#
            }
            return
                #"{"images": [\#(images.joined(separator: ","))], "annotations": [\#(annotations)],"#
                + #""categories": [{"id": 0, "name": "all"}, {"id": 7, "name": "cyst"}, "#
                + #"{"id": 9, "name": "nodule"}]}"#
        }
        try tree.text(
            "train/_annotations.coco.json",
            file(
                ["a.png", "b.png", "c.png", "d.png", "../../../../etc/passwd"],
                #"{"id": 1, "image_id": 0, "category_id": 9, "iscrowd": 0, "#
                    + #""segmentation": [[1, 1, 4, 1, 4, 3, 1, 3], [6, 4, 8, 4, 8, 6, 6, 6]]},"#
                    + #"{"id": 2, "image_id": 1, "category_id": 7, "#
                    + #""segmentation": {"size": [6, 8], "counts": [13, 3, 3, 3, 26]}},"#
                    + #"{"id": 3, "image_id": 2, "category_id": 7, "#
                    + #""segmentation": {"size": [6, 8], "counts": [1, 2]}}"#))
        try tree.text(
            "valid/_annotations.coco.json",
            file(
                ["e.png"],
                #"{"id": 1, "image_id": 0, "category_id": 7, "segmentation": "#
                    + #"{"size": [6, 8], "counts": "\#(packed)"}}"#))
        let report = try tree.run(.coco) { $0.dataset = "Coco" }
        #expect(report.classNames == ["cyst", "nodule"])
        #expect(report.splits == [.train: 3, .val: 1])
        #expect(report.problems.count == 2)
        #expect(report.problems[0].reason.contains("etc/passwd"))
        #expect(report.problems[1].file == "train/c.png")
        #expect(
            try tree.places("Coco", "a", value: 2) == [
                [1, 1], [2, 1], [3, 1], [1, 2], [2, 2], [3, 2], [6, 4], [7, 4], [6, 5], [7, 5],
            ])
        #expect(
            try tree.places("Coco", "b", value: 1) == [
                [2, 1], [3, 1], [2, 2], [3, 2], [2, 3], [3, 3],
            ])
        #expect(try tree.places("Coco", "e", value: 1).count == 9)
        #expect(
            try tree.lines("MainPatient/train-Coco.txt") == [
                "2/Coco/a", "1/Coco/b", "1/Coco/d", "2/Coco/d",
            ])
        #expect(try tree.lines("Coco/classes.csv") == ["class,name", "1,cyst", "2,nodule"])
    }

    @Test("COCO: one file in 'annotations' finds the images in 'images'")
    func cocoFile() throws {
        try tree.image("images/a.png")
        try tree.text(
            "annotations/instances_default.json",
            #"{"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "x"}],"#
                + #""annotations": [{"image_id": 1, "category_id": 1, "#
                + #""segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}]}"#)
        var options = ImportOptions()
        options.dataset = "One"
        let report = try DataImporter(.coco, options: options).run(
            from: tree.source + "/annotations/instances_default.json", into: tree.root)
        #expect(report.images == 1 && !report.hasSplit && report.problems.isEmpty)
        #expect(try tree.places("One", "a") == [[0, 0], [1, 0], [0, 1], [1, 1]])
    }

    @Test("COCO: a damaged file is reported, other JSON is skipped")
    func cocoBroken() throws {
        try tree.image("a.png")
        try tree.text(
            "good.json",
            #"{"images": [{"id": 1, "file_name": "a.png"}], "categories": [],"#
                + #""annotations": [{"image_id": 1, "category_id": 5, "segmentation":"#
                + #"[[0, 0, 2, 0, 2, 2, 0, 2]]}]}"#)
        try tree.text(
            "flat.json",
            #"{"images": [{"id": 1, "file_name": "b.png"}], "annotations": [{"image_id": 1, "#
                + #""category_id": 1, "segmentation": [0, 0, 2, 0, 2, 2]}]}"#)
        try tree.image("b.png")
        try tree.text("cut.json", #"{"images": [{"id": 1"#)
        try tree.text("licences.json", #"{"licences": []}"#)
        let report = try tree.run(.coco) { $0.dataset = "Broken" }
        #expect(report.images == 1 && report.classNames == ["category 5"])
        #expect(report.problems.map(\.file) == ["cut.json", "b.png"])
        #expect(report.problems[1].reason.hasPrefix("annotations/0 of flat.json: its segmentation"))
        #expect(report.problems[1].reason.contains("annotations"))
        #expect(report.remarks.map(\.file) == ["licences.json"])
    }

    @Test(
        "YOLO: polygons and names in every form are imported; an image without a text file is empty",
        arguments: [
            "names: [cyst, 'a nodule']", "names: {0: cyst, 1: \"a nodule\"}",
            "# two\nnames:\n  - cyst  # first\n  - a nodule\nnc: 2",
            "path: x\nnames:\n  0: cyst\n  1: a nodule\ntrain: images/train",
            "names: [\n  'cyst',\n  'a nodule'\n]\nnc: 2",
        ])
    func yolo(names: String) throws {
        for name in ["train/a", "train/b", "val/c", "val/d"] {
            try tree.image("images/\(name).png")
        }
        try tree.text("data.yaml", names)
        try tree.text(
            "labels/train/a.txt", "1 0.25 0.5 0.5 0.5 0.5 1 0.25 1\n0 0 0 0.125 0 0.125 0.5 0 0.5\n"
        )
        try tree.text("labels/val/c.txt", "0 0.5 0.5 0.2 0.2\n")
        try tree.text("labels/val/z.txt", "")
        let report = try tree.run(.yolo) { $0.dataset = "Yolo" }
        #expect(report.classNames == ["cyst", "a nodule"])
        #expect(report.splits == [.train: 2, .val: 1] && report.empty == 2)
        #expect(report.problems.map(\.file) == ["labels/val/z.txt", "labels/val/c.txt"])
        #expect(report.problems[1].reason == "it holds a box, not an outline")
        #expect(
            try tree.places("Yolo", "a", value: 2) == [
                [2, 3], [3, 3], [2, 4], [3, 4], [2, 5], [3, 5],
            ])
        #expect(try tree.places("Yolo", "a", value: 1) == [[0, 0], [0, 1], [0, 2]])
    }

    @Test("COCO: an image in two files is refused")
    func cocoTwice() throws {
        try tree.image("images/a.png")
        let file =
            #"{"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "x"}],"#
            + #""annotations": [{"image_id": 1, "category_id": 1, "#
            + #""segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}]}"#
        try tree.text("annotations/all.json", file)
        try tree.text("annotations/test.json", file)
        #expect {
            try tree.run(.coco) { $0.dataset = "Twice" }
        } throws: { "\($0)".contains("listed twice") }
        #expect(tree.files().filter { $0.hasPrefix("Twice") }.isEmpty)
    }

    /// A COCO file with a square of 2 x 2 pixels for each annotation.
    private func cocoText(images: String, objects: [String], name: String = "x") -> String {
        let annotations = objects.map {
            #"{"image_id": \#($0), "category_id": 1, "#
                + #""segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}"#
        }
        return
            #"{"images": [\#(images)], "annotations": [\#(annotations.joined(separator: ","))], "#
            + #""categories": [{"id": 1, "name": "\#(name)"}]}"#
    }

    @Test("COCO: equal ids, unlisted images and entries without an id are named by their places")
    func cocoUnclear() throws {
        for name in ["a", "b", "c"] { try tree.image("images/\(name).png") }
        try tree.text(
            "annotations.json",
            cocoText(
                images: #"{"id": 1, "file_name": "a.png"}, {"id": 1, "file_name": "b.png"},"#
                    + #"{"id": "2", "file_name": "c.png"}, {"id": 3}"#,
                objects: ["1", #""2""#, "9", "null"]))
        let report = try tree.run(.coco) { $0.dataset = "Unclear" }
        #expect(report.images == 1 && report.empty == 0)
        let places = report.problems.map { String($0.reason.prefix { $0 != ":" }) }
        #expect(
            places == ["images/0", "images/1", "images/3", "annotations/2", "annotations/3"])
        #expect(report.problems[0].reason.contains("the id 1 of images/1"))
        #expect(report.problems[3].reason.contains("image 9 is not listed"))
        #expect(try tree.places("Unclear", "c").count == 4)
    }

    @Test("COCO: names with other slashes and other case are found; GBK text is read")
    func cocoNames() throws {
        for name in ["a", "b"] { try tree.image("images/\(name).png") }
        let text = cocoText(
            images: #"{"id": 1, "file_name": "C:\\scans\\A.PNG"}, {"id": 2, "file_name": "b.png"}"#,
            objects: ["1", "2"], name: "?")
        // Nodule, in GBK.
        let bytes = text.utf8.split(separator: UInt8(ascii: "?"))
        try tree.bytes("annotations.json", bytes[0] + [0xBD, 0xE1, 0xBD, 0xDA] + bytes[1])
        let report = try tree.run(.coco) { $0.dataset = "Names" }
        #expect(report.images == 2 && report.problems.isEmpty)
        #expect(report.classNames == ["结节"])
        #expect(report.remarks.map(\.reason) == ["it is not UTF-8; read as GB18030 (GBK)"])
    }

    @Test("COCO: an image of another folder, split or JSON file is not taken")
    func cocoOtherFolder() throws {
        try tree.image("images/a.png")
        try tree.image("old/b.png")
        try tree.text(
            "annotations.json",
            cocoText(
                images: #"{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}"#,
                objects: ["1", "2"]))
        let report = try tree.run(.coco) { $0.dataset = "One" }
        #expect(report.images == 1)
        #expect(report.problems[0].reason.contains("'old/b.png' is in another folder"))

        let other = try ImportTree()
        try other.image("val2017/c.png")
        try other.text(
            "annotations/instances_train2017.json",
            cocoText(images: #"{"id": 1, "file_name": "c.png"}"#, objects: ["1"]))
        #expect(try other.run(.coco) { $0.dataset = "Two" }.images == 0)
        try other.image("train2017/c.png", shade: 9)
        #expect(try other.run(.coco) { $0.dataset = "Two" }.images == 1)
    }

    @Test("YOLO: two images of one name are left out, as their objects are unknown")
    func yoloSameName() throws {
        try tree.fixture("image.jpg", as: "images/a.jpg")
        for name in ["a", "b"] {
            try tree.image("images/\(name).png")
            try tree.text("labels/\(name).txt", "0 0 0 0.5 0 0.5 0.5\n")
        }
        let report = try tree.run(.yolo) { $0.dataset = "Yolo" }
        #expect(report.images == 1 && report.empty == 0)
        #expect(report.problems.map(\.file) == ["images/a.jpg", "images/a.png"])
    }
}
