import DICOM
import Datasets
import Foundation
import Imaging
import TestSupport
import Testing

@Suite("DICOM SEG with its images is imported as labels", .serialized)
struct DICOMSEGImportTests {
    private let tree: ImportTree
    private static let fixtures = Shared.package.appending(path: "Tests/Fixtures/dicom")

    init() throws { tree = try ImportTree() }

    private func copy(_ name: String, as path: String) throws {
        try tree.bytes(path, Array(Data(contentsOf: Self.fixtures.appending(path: name))))
    }

    private func mask(_ box: PixelBox) -> Mask {
        let values = (0..<48 * 36).map { index in
            let (x, y) = (index % 48, index / 48)
            return UInt8(x >= box.x0 && y >= box.y0 && x < box.x1 && y < box.y1 ? 1 : 0)
        }
        return Mask(width: 48, height: 36, values: values)
    }

    /// A Segmentation object of a fixture.
    private func segmentation(
        of name: String, labels: [String], _ entries: [(segment: Int, frame: Int, box: PixelBox)]
    ) throws -> [UInt8] {
        let result = DICOMResult(
            source: try DICOMSource.read(Self.fixtures.appending(path: name).path),
            segments: labels.map { .init(label: $0, isAutomatic: false) },
            entries: entries.map {
                .init(
                    segment: $0.segment, frame: $0.frame, mask: mask($0.box).runLength(),
                    calibration: .unknown(reason: ""))
            }, origin: .init(version: "1", model: "m", weightsSHA256: "", parameters: ""))
        var bytes: [UInt8] = []
        _ = try result.writeSegmentation { bytes += $0 }
        return bytes
    }

    @Test("frames of a cine and a single image, with classes by label and mm")
    func classes() throws {
        try copy("jpeg-cine.dcm", as: "study/1.2.3")
        try copy("palette.dcm", as: "study/palette.dcm")
        try copy("grey8.dcm", as: "unlabelled.dcm")
        let (a, b) = (PixelBox(x0: 5, y0: 4, x1: 8, y1: 6), PixelBox(x0: 7, y0: 4, x1: 9, y1: 5))
        try tree.bytes(
            "masks/cine.seg.dcm",
            segmentation(
                of: "jpeg-cine.dcm", labels: ["wall", "cyst"],
                [(0, 2, a), (1, 2, b), (0, 4, b), (1, 4, PixelBox(x0: 0, y0: 0, x1: 0, y1: 0))]))
        try tree.bytes(
            "masks/palette.seg.dcm", segmentation(of: "palette.dcm", labels: ["cyst"], [(0, 1, a)]))
        let report = try tree.run(.dicomSEG) { $0.dataset = "Archive" }
        #expect(report.classNames == ["cyst", "wall"])
        #expect(report.images == 3)
        #expect(report.problems.isEmpty, "\(report.problems)")
        let frame = try tree.stored("Archive", "1.2.3.frame0002")
        #expect(
            frame.image
                == (try DICOMFile.read(tree.source + "/study/1.2.3").frameReader().frame(1)))
        // The later segment, the cyst, is used where both are.
        let cyst = [[7, 4], [8, 4]]
        #expect(try tree.places("Archive", "1.2.3.frame0002", value: 1) == cyst)
        let wall = [[5, 4], [6, 4], [5, 5], [6, 5], [7, 5]]
        #expect(try tree.places("Archive", "1.2.3.frame0002", value: 2) == wall)
        #expect(try tree.places("Archive", "1.2.3.frame0004", value: 2) == cyst)
        #expect(try tree.places("Archive", "palette", value: 1).count == 6)
        #expect(
            report.remarks.map(\.reason) == ["classes overlap in 1 pixels; the later one is used"])
        let rows = try tree.index("Archive")
        #expect(rows["1.2.3.frame0002"]?["mm_x"] == "0.5")
        #expect(rows["1.2.3.frame0002"]?["mm_y"] == "0.25")
        #expect(rows["palette"]?["mm_x"] == "")
        // One patient, whose ID is not written.
        let patients = Set(rows.values.compactMap { $0["patient"] })
        #expect(patients.count == 1)
        #expect(patients.first?.wholeMatch(of: /dicom_[0-9a-f]{12}/) != nil)
    }

    @Test("an image that is missing or has labels already, and a damaged file, are named")
    func problems() throws {
        try copy("jpeg-cine.dcm", as: "cine.dcm")
        let box = PixelBox(x0: 5, y0: 4, x1: 8, y1: 6)
        let seg = try segmentation(of: "jpeg-cine.dcm", labels: ["x"], [(0, 1, box)])
        try tree.bytes("a.seg.dcm", seg)
        try tree.bytes("b.seg.dcm", seg)
        try tree.bytes(
            "c.seg.dcm", segmentation(of: "grey8.dcm", labels: ["x"], [(0, 1, box)]))
        try tree.bytes("short.dcm", Array(seg.dropLast(60)))
        let report = try tree.run(.dicomSEG) { $0.dataset = "Archive" }
        #expect(report.images == 1)
        let problems = Dictionary(
            report.problems.map { ($0.file, $0.reason) }, uniquingKeysWith: { $0 + $1 })
        #expect(problems["b.seg.dcm"]?.contains("has labels in 'a.seg.dcm' already") == true)
        #expect(problems["c.seg.dcm"]?.contains("is not in the source") == true)
        #expect(problems["short.dcm"] != nil)
        #expect(problems.count == 3)
    }

    @Test("several objects may label different frames of a cine, but not the same one")
    func severalObjects() throws {
        try copy("jpeg-cine.dcm", as: "cine.dcm")
        let box = PixelBox(x0: 5, y0: 4, x1: 8, y1: 6)
        for (name, frame) in [("a", 1), ("b", 3), ("c", 3)] {
            try tree.bytes(
                "\(name).seg.dcm",
                segmentation(of: "jpeg-cine.dcm", labels: [name], [(0, frame, box)]))
        }
        let report = try tree.run(.dicomSEG) { $0.dataset = "Archive" }
        #expect(report.images == 2)
        #expect(report.problems.map(\.file) == ["c.seg.dcm"])
        #expect(report.problems.first?.reason.contains("labels in 'b.seg.dcm' already") == true)
        #expect(try tree.places("Archive", "cine.frame0001", value: 1).count == 6)
        #expect(try tree.places("Archive", "cine.frame0003", value: 2).count == 6)
    }

    @Test("a folder without a Segmentation object does not have the format")
    func wrongFormat() throws {
        try copy("grey8.dcm", as: "a.dcm")
        #expect {
            try tree.run(.dicomSEG)
        } throws: { error in
            "\(error)".contains("there is no binary DICOM Segmentation object")
        }
    }
}
