import DICOM
import Foundation
import Imaging
import TestSupport
import Testing

@Suite("Masks as DICOM SEG, measurements as DICOM SR", .serialized)
struct DICOMResultTests {
    /// A rectangle.
    private func mask(_ box: PixelBox, width: Int = 48, height: Int = 36) -> Mask {
        let values = (0..<width * height).map { index in
            let (x, y) = (index % width, index / width)
            return UInt8(x >= box.x0 && y >= box.y0 && x < box.x1 && y < box.y1 ? 1 : 0)
        }
        return Mask(width: width, height: height, values: values)
    }

    private func entry(
        _ segment: Int, _ frame: Int, _ mask: Mask, spacing: PixelSpacing? = nil,
        _ measurements: [DICOMResult.Measurement] = []
    ) -> DICOMResult.Entry {
        .init(
            segment: segment, frame: frame, mask: mask.runLength(),
            calibration: spacing.map { .known($0, source: "a test") }
                ?? .unknown(reason: "the test states none"),
            measurements: measurements)
    }

    private func result(
        _ name: String, _ entries: [DICOMResult.Entry], labels: [String] = ["lesion"],
        isAutomatic: Bool = false, parameters: String = #"{"prompts":[]}"#
    ) throws -> DICOMResult {
        DICOMResult(
            source: try DICOMSource.read(Fixtures.path(name)),
            segments: labels.map { .init(label: $0, isAutomatic: isAutomatic) }, entries: entries,
            origin: .init(
                version: "1.2.3", model: "test model",
                weightsSHA256: String(repeating: "a1", count: 32),
                parameters: parameters))
    }

    private func segmentation(
        _ result: DICOMResult, date: Date = Date()
    ) throws -> (file: [UInt8], object: DICOMSegmentation) {
        var file: [UInt8] = []
        let object = try result.writeSegmentation(date: date) { file += $0 }
        return (file, object)
    }

    private func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        Data(bytes).range(of: Data(text.utf8)) != nil
    }

    @Test(
        "an irreversible JPEG 2000 image is lossy, a reversible one is not",
        .enabled(if: Shared.isPresent, "../shared is absent"))
    func lossyJPEG2000() throws {
        for (name, isLossy) in [("US1_J2KI", true), ("US1_J2KR", false)] {
            let path = Shared.folder.appending(path: "data/dicom/\(name).dcm").path
            let result = DICOMResult(
                source: try DICOMSource.read(path),
                segments: [.init(label: "x", isAutomatic: false)],
                entries: [
                    entry(
                        0, 1,
                        mask(PixelBox(x0: 9, y0: 9, x1: 20, y1: 20), width: 640, height: 480))
                ],
                origin: .init(version: "1", model: "m", weightsSHA256: "", parameters: ""))
            #expect(contains(try segmentation(result).file, "ISO_15444_1") == isLossy, "\(name)")
        }
    }

    @Test(
        "a near-lossless JPEG-LS image that does not say so is lossy",
        .enabled(if: DICOMValidator.areInstalled, "\(DICOMValidator.missing)"))
    func lossyJPEGLS() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).dcm").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        for arguments in [
            ["dcmcjpls", "+en", "+un", Fixtures.path("grey8.dcm"), path],
            [
                "dcmodify", "-nb", "-ie", "-e", "(0028,2110)", "-e", "(0028,2112)", "-e",
                "(0028,2114)", path,
            ],
        ] {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = arguments
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0, "\(arguments)")
        }
        let result = DICOMResult(
            source: try DICOMSource.read(path), segments: [.init(label: "x", isAutomatic: false)],
            entries: [entry(0, 1, mask(PixelBox(x0: 9, y0: 9, x1: 20, y1: 20)))],
            origin: .init(version: "1", model: "m", weightsSHA256: "", parameters: ""))
        #expect(contains(try segmentation(result).file, "ISO_14495_1"))
    }

    /// The bits of the masks, packed one after the other as PS3.5 8.1.1 says.
    private func packed(_ masks: [Mask]) -> [UInt8] {
        let bits = masks.flatMap(\.values)
        var bytes = [UInt8](repeating: 0, count: (bits.count + 15) / 16 * 2)
        for (place, bit) in bits.enumerated() where bit != 0 {
            bytes[place / 8] |= 1 << (place % 8)
        }
        return bytes
    }

    private let cineMasks: [(Int, Int, PixelBox)] = [
        (0, 1, PixelBox(x0: 5, y0: 4, x1: 20, y1: 15)),
        (1, 1, PixelBox(x0: 25, y0: 8, x1: 31, y1: 22)),
        (0, 3, PixelBox(x0: 6, y0: 4, x1: 21, y1: 16)),
        (1, 3, PixelBox(x0: 0, y0: 0, x1: 0, y1: 0)),
    ]

    private func cine() throws -> DICOMResult {
        let spacing = PixelSpacing(x: 0.5, y: 0.25)
        return try result(
            "jpeg-cine.dcm",
            cineMasks.map { segment, frame, box in
                entry(
                    segment, frame, mask(box), spacing: spacing,
                    segment == 0 ? [.init(.area, 20.625), .init(.headCircumference, 33.5)] : [])
            }, labels: ["head", "Zyste groß"])
    }

    @Test("the frames of a SEG are the bits of the masks, by object and then by frame")
    func bits() throws {
        let (file, _) = try segmentation(cine())
        let order = [0, 2, 1, 3].map { mask(cineMasks[$0].2) }
        #expect(file.suffix(864) == packed(order)[...])
        // A size that is no multiple of 8.
        let odd = (1...3).map { frame in
            let box = PixelBox(x0: frame, y0: frame, x1: 5, y1: 7)
            return mask(box)
        }
        let masks = try segmentation(
            result(
                "jpeg2000-fragments.dcm",
                odd.enumerated().map { entry(0, $0.offset + 1, $0.element) })
        ).file
        #expect(masks.suffix(648) == packed(odd)[...])
    }

    @Test("the same masks, model and prompts give the same UID, and others another")
    func uid() throws {
        let box = PixelBox(x0: 5, y0: 4, x1: 20, y1: 15)
        func uid(_ box: PixelBox, _ parameters: String, _ seconds: Double) throws -> String {
            try segmentation(
                result("grey8.dcm", [entry(0, 1, mask(box))], parameters: parameters),
                date: Date(timeIntervalSince1970: seconds)
            ).object.instance
        }
        let first = try uid(box, "a", 1_700_000_000)
        #expect(first.wholeMatch(of: /2\.25\.[1-9][0-9]{20,38}/) != nil)
        #expect(try uid(box, "a", 1_800_000_000) == first)
        #expect(try uid(box, "b", 1_700_000_000) != first)
        let other = PixelBox(x0: 5, y0: 4, x1: 20, y1: 16)
        #expect(try uid(other, "a", 1_700_000_000) != first)
    }

    @Test("patient and study are those of the source, and the provenance is stated")
    func provenance() throws {
        let (file, object) = try segmentation(cine())
        for text in [
            "Made^Up", "MADE-UP-1", "20260102", "1.2.826.0.1.3680043.10.9999.1",
            "1.2.826.0.1.3680043.10.9999.3.882", "RESEARCH", "research use only", "SEMIAUTOMATIC",
            "SAMUS test model", "Zyste groß", "ISO_IR 192", "ISO_10918_1", object.instance,
        ] {
            #expect(contains(file, text), "\(text)")
        }
        let automatic = try segmentation(
            result(
                "grey8.dcm", [entry(0, 1, mask(PixelBox(x0: 1, y0: 1, x1: 4, y1: 4)))],
                isAutomatic: true)
        ).file
        #expect(!contains(automatic, "SEMIAUTOMATIC"))
        #expect(contains(automatic, "AUTOMATIC"))
    }

    @Test(
        "texts of a source in another character set stay as they are; labels then have ASCII only")
    func characterSet() throws {
        var bytes = try Fixtures.bytes("grey8.dcm")
        let name = try #require(Data(bytes).range(of: Data("Made^Up".utf8)))
        // Latin-1, as an old device writes it without saying so.
        bytes.replaceSubrange(name, with: Array("M".utf8) + [0xFC] + Array("de^Up".utf8))
        let file = try TemporaryFile(bytes)
        let source = DICOMResult(
            source: try DICOMSource.read(file.path),
            segments: [.init(label: "groß", isAutomatic: false)],
            entries: [entry(0, 1, mask(PixelBox(x0: 1, y0: 1, x1: 4, y1: 4)))],
            origin: .init(version: "1", model: "m", weightsSHA256: "", parameters: ""))
        let written = try segmentation(source).file
        let copied = Data(Array("M".utf8) + [0xFC] + Array("de^Up".utf8))
        #expect(Data(written).range(of: copied) != nil)
        #expect(contains(written, "gro?"))
        #expect(!contains(written, "ISO_IR 192"))
    }

    @Test("a file without the UIDs that results refer to is refused")
    func identity() throws {
        var bytes = try Fixtures.bytes("grey8.dcm")
        // The study's UID is (0020,000D) UI.
        let place = try #require(Data(bytes).range(of: Data([0x20, 0, 0x0D, 0, 0x55, 0x49])))
        bytes[place.lowerBound + 2] = 0x0C
        let file = try TemporaryFile(bytes)
        #expect(
            throws: DICOMError.noIdentity(name: file.path, attribute: "Study Instance UID")
        ) {
            try DICOMSource.read(file.path)
        }
    }

    @Test("a written SEG is a DICOM file without an image")
    func noImage() throws {
        let file = try TemporaryFile(segmentation(cine()).file)
        let read = try DICOMFile.read(file.path)
        #expect(read.image == nil)
        #expect(read.sopClass == "1.2.840.10008.5.1.4.1.1.66.4")
    }

    @Test("what a reader should know is in the report and the SEG, also where nothing is measured")
    func notes() throws {
        var unsure = entry(0, 1, mask(.init(x0: 4, y0: 4, x1: 20, y1: 20)))
        unsure.notes = ["low confidence (IoU estimate 0.41): check the outline"]
        unsure.isUnsure = true
        var empty = entry(0, 2, mask(.init(x0: 0, y0: 0, x1: 0, y1: 0)))
        empty.notes = ["the model found nothing"]
        let result = try result("jpeg-cine.dcm", [unsure, empty])
        let (file, object) = try segmentation(result)
        #expect(contains(file, "low confidence on 1 of 2 frames: check the outline"))
        let report = result.measurementReport(of: object)
        for note in unsure.notes + empty.notes {
            #expect(contains(file, note) && contains(report, note), "\(note)")
        }
        #expect(contains(report, "not measured: nothing was found"))
        let (sure, _) = try segmentation(
            self.result("jpeg-cine.dcm", [entry(0, 1, unsure.mask.mask())]))
        #expect(!contains(sure, "low confidence"))
    }

    @Test("without a known size of a pixel a report has no numbers, and says why")
    func noMillimetres() throws {
        let box = PixelBox(x0: 5, y0: 4, x1: 20, y1: 15)
        let report = try result("grey8.dcm", [entry(0, 1, mask(box))]).measurementReport(of: nil)
        #expect(contains(report, "not measured: no mm, because the test states none"))
        #expect(!contains(report, "UCUM"))
        let seg = try segmentation(result("grey8.dcm", [entry(0, 1, mask(box))])).file
        // Pixel Measures (0028,9110).
        #expect(Data(seg).range(of: Data([0x28, 0, 0x10, 0x91])) == nil)
        #expect(try Data(segmentation(cine()).file).range(of: Data([0x28, 0, 0x10, 0x91])) != nil)
    }

    @Test(
        "dciodvfy finds no error in a SEG of a single image, a cine and a palette",
        .enabled(if: DICOMValidator.areInstalled, "\(DICOMValidator.missing)"))
    func validSegmentation() throws {
        let box = PixelBox(x0: 5, y0: 4, x1: 20, y1: 15)
        let single = ["grey8.dcm", "palette.dcm", "no-preamble", "ybr-422.dcm"]
        let results =
            try single.map { try result($0, [entry(0, 1, mask(box))]) } + [
                cine(), result("rle-rgb.dcm", [entry(0, 2, mask(box))]),
            ]
        for result in results {
            let file = try TemporaryFile(segmentation(result).file)
            #expect(try DICOMValidator.errors(in: file.path) == [], "\(result.source.path)")
        }
    }

    @Test(
        "dsrdump reads a report with mm and with references, and dciodvfy finds no error",
        .enabled(if: DICOMValidator.areInstalled, "\(DICOMValidator.missing)"))
    func validReport() throws {
        let (_, object) = try segmentation(cine())
        let box = PixelBox(x0: 5, y0: 4, x1: 20, y1: 15)
        let reports = try [
            cine().measurementReport(of: object), cine().measurementReport(of: nil),
            result("palette.dcm", [entry(0, 1, mask(box))]).measurementReport(of: nil),
        ]
        let files = try reports.map { try TemporaryFile($0) }
        for file in files {
            #expect(try DICOMValidator.errors(in: file.path) == [])
        }
        let text = try files.map { file in
            let (lines, code) = try DICOMValidator.dsrdump("+Pl", file.path)
            #expect(code == 0, "\(lines)")
            return lines.joined(separator: "\n")
        }
        for words in [
            #"(,,"Area")="20.625" (mm2,UCUM,"mm2")"#,
            #"(,,"Head Circumference")="33.5" (mm,UCUM,"mm")"#,
            #"(,,"Referenced Segmentation Frame")"#, "not measured: nothing was found",
            #"(,,"Tracking Identifier")="head""#, "Zyste groß",
            "research use only, not a medical device",
        ] {
            #expect(text[0].contains(words), "\(words)\n\(text[0])")
        }
        #expect(text[1].contains(#"(,,"Source of Measurement")"#))
        #expect(!text[1].contains("Referenced Segmentation Frame"))
        #expect(text[2].contains("not measured: no mm, because the test states none"))
        #expect(!text[2].contains("mm2"))
    }
}
