import Datasets
import Foundation
import Imaging
import Testing

@Suite("Import of labelme, X-AnyLabeling, CVAT and nnU-Net")
struct AnnotationImportTests {
    private let tree: ImportTree

    init() throws {
        tree = try ImportTree()
    }

    /// The pixels of columns 2 to 4 and rows 1 to 3.
    private static let square = (1...3).flatMap { y in (2...4).map { [$0, y] } }

    private func labelme(_ shapes: String, image: String = "a.png", data: String = "null") -> String
    {
        #"{"version": "5.5.0", "flags": {}, "shapes": [\#(shapes)], "imagePath": "\#(image)", "#
            + #""imageData": \#(data), "imageHeight": 6, "imageWidth": 8}"#
    }

    private func polygon(_ label: String) -> String {
        #"{"label": "\#(label)", "points": [[2, 1], [5, 1], [5, 4], [2, 4]], "group_id": null, "#
            + #""shape_type": "polygon", "flags": {}}"#
    }

    @Test("labelme: polygons, circles and masks; an image inside the file; boxes are refused")
    func labelme() throws {
        for name in ["a", "b", "c", "d"] { try tree.image("train/\(name).png") }
        try tree.text("train/a.json", labelme(polygon("cyst")))
        // labelme stores masks as a PNG of 0 and 1, here of 3x3 pixels, made by ImageIO of Imaging.
        let png = try Image(width: 3, height: 3, channels: 1, pixels: Array(repeating: 1, count: 9))
            .encodedPNG()
        let mask =
            #"{"label": "cyst", "points": [[2, 1], [4, 3]], "shape_type": "mask", "mask": "#
            + "\"\(Data(png).base64EncodedString())\"}"
        try tree.text("train/b.json", labelme(mask, image: "..\\\\train\\\\b.png"))
        let circle = #"{"label": "node", "points": [[3.5, 2.5], [5, 2.5]], "shape_type": "circle"}"#
        try tree.text("train/c.json", labelme(circle, image: "c.png"))
        let box = #"{"label": "node", "points": [[1, 1], [3, 3]], "shape_type": "rectangle"}"#
        try tree.text("train/d.json", labelme(box, image: "d.png"))
        let image = try Image(
            width: 8, height: 6, channels: 1, pixels: (0..<48).map { UInt8($0) }
        ).encodedPNG()
        let inside = "\"\(Data(image).base64EncodedString())\""
        try tree.text("test/e.json", labelme(polygon("node"), image: "gone.png", data: inside))
        try tree.text("test/f.json", labelme(polygon("node"), image: "gone.png"))
        try tree.text("test/g.json", labelme(#"{"label": 3}"#))
        try tree.text("other.json", #"{"images": []}"#)
        let report = try tree.run(.labelme) { $0.dataset = "L" }
        #expect(report.classNames == ["cyst", "node"])
        #expect(report.images == 4 && report.hasSplit)
        #expect(
            report.problems.map(\.file).sorted() == ["test/f.json", "test/g.json", "train/d.json"])
        #expect(
            report.problems.contains {
                $0.reason.contains("shapes/0 is a rectangle, not an outline")
            })
        #expect(report.remarks.map(\.file) == ["other.json"])
        #expect(try tree.places("L", "a", value: 1) == Self.square)
        #expect(try tree.places("L", "b", value: 1) == Self.square)
        // The nine centres within 1.5 pixels of the centre of the pixel (3, 2).
        #expect(try tree.places("L", "c", value: 2).count == 9)
        #expect(try tree.places("L", "e", value: 2) == Self.square)
        #expect(try tree.stored("L", "e").image.pixels.last == 47)
        #expect(try tree.index("L")["e"]?["split"] == "test")
    }

    @Test(
        "CVAT: polygons, masks, ellipses and their order; boxes, tracks and wrong masks are refused"
    )
    func cvat() throws {
        for name in ["a", "b", "c", "d", "e"] { try tree.image("images/\(name).png") }
        func image(_ name: String, _ content: String) -> String {
            "<image id=\"0\" name=\"\(name).png\" width=\"8\" height=\"6\" subset=\"Train\">"
                + content + "</image>"
        }
        let polygon =
            "<polygon label=\"cyst &amp; more\" points=\"2,1;5,1;5,4;2,4\" z_order=\"1\"/>"
        let mask =
            "<mask label=\"node\" rle=\"0, 3, 0, 6\" left=\"2\" top=\"1\" width=\"3\" height=\"3\" "
            + "z_order=\"0\"></mask>"
        try tree.text(
            "annotations.xml",
            "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>"
                + "<annotations><meta><!-- <image name='x'/> --></meta>"
                + image("a", polygon + mask) + image("b", mask)
                + image("c", "<ellipse label='node' cx='3.5' cy='2.5' rx='1.5' ry='0.6'/>")
                + image("d", "<box label='node' xtl='1' ytl='1' xbr='2' ybr='2'/>")
                + image("e", mask.replacing("0, 3, 0, 6", with: "0, 3, 0, 7"))
                + image("missing", polygon) + "</annotations>")
        let report = try tree.run(.cvat) { $0.dataset = "C" }
        #expect(report.classNames == ["cyst & more", "node"])
        #expect(report.images == 3)
        #expect(report.problems.count == 3)
        #expect(report.problems.contains { $0.reason.contains("'missing.png' is not found") })
        #expect(report.problems.contains { $0.reason.contains("is a box, not an outline") })
        #expect(report.problems.contains { $0.reason.contains("does not fit the image") })
        // The polygon is above the mask.
        #expect(try tree.places("C", "a", value: 1) == Self.square)
        #expect(try tree.places("C", "b", value: 2) == Self.square)
        #expect(try tree.places("C", "c", value: 2) == [[2, 2], [3, 2], [4, 2]])

        let other = try ImportTree()
        try other.image("a.png")
        try other.text(
            "annotations.xml", "<annotations><track id='0' label='x'></track></annotations>")
        #expect(throws: ImportError.self) { try other.run(.cvat) }
    }

    @Test("nnU-Net: both versions of dataset.json, splits, several channels and unknown values")
    func nnUNet() throws {
        for name in ["one", "two", "three"] {
            try tree.image("Dataset001_X/imagesTr/\(name)_0000.png")
        }
        try tree.image("Dataset001_X/imagesTr/two_0001.png", shade: 1)
        try tree.image("Dataset001_X/imagesTs/four_0000.png")
        for (path, value) in [
            ("labelsTr/one", UInt8(1)), ("labelsTr/two", 2), ("labelsTr/three", 7),
            ("labelsTs/four", 2),
        ] {
            try tree.mask("Dataset001_X/\(path).png", at: [(x: 2, y: 1)], value: value)
        }
        let text =
            #"{"channel_names": {"0": "US"}, "labels": {"background": 0, "cyst": 1, "node": 2}, "#
            + #""numTraining": 3, "file_ending": ".png"}"#
        try tree.text("Dataset001_X/dataset.json", text)
        let report = try tree.run(.nnunet) { $0.dataset = "N" }
        #expect(Array(report.classNames.prefix(2)) == ["cyst", "node"])
        #expect(report.splits[.test] == 1 && report.hasSplit)
        #expect(report.problems.contains { $0.reason.contains("several channels") })
        #expect(try tree.places("N", "one", value: 1) == [[2, 1]])
        #expect(try tree.places("N", "four", value: 2) == [[2, 1]])

        try tree.text(
            "Dataset001_X/dataset.json",
            #"{"labels": {"0": "background", "1": "cyst", "2": "node"}}"#)
        let old = try tree.run(.nnunet) { options in
            options.dataset = "N"
            options.replaces = true
        }
        #expect(Array(old.classNames.prefix(2)) == ["cyst", "node"])
        try tree.text("Dataset001_X/dataset.json", #"{"labels": {"all": [1, 2]}}"#)
        #expect(throws: ImportError.self) {
            try tree.run(.nnunet) { options in
                options.dataset = "N"
                options.replaces = true
            }
        }
    }
}
