import DICOM
import Foundation
import Imaging
import TestSupport
import Testing

@Suite("Millimetres come from the ultrasound region in which a mask lies, or there are none")
struct CalibrationTests {
    private let size = Size(height: 100, width: 200)

    private func image(
        _ regions: [UltrasoundRegion]?, pixelSpacing: [Double]? = nil
    ) throws -> DICOMImage {
        struct Stated: Encodable {
            var width = 200, height = 100, frames = 1, channels = 1, bitsStored = 8
            var photometric = "MONOCHROME2"
            var regions: [UltrasoundRegion]?
            var pixelSpacing: [Double]?
        }
        let data = try JSONEncoder().encode(Stated(regions: regions, pixelSpacing: pixelSpacing))
        return try JSONDecoder().decode(DICOMImage.self, from: data)
    }

    private func region(
        _ x0: Int, _ y0: Int, _ x1: Int, _ y1: Int,
        _ change: (inout UltrasoundRegion) -> Void = { _ in }
    ) throws -> UltrasoundRegion {
        var region = try JSONDecoder().decode(UltrasoundRegion.self, from: Data("{}".utf8))
        region.spatialFormat = 1
        (region.minX, region.minY, region.maxX, region.maxY) = (x0, y0, x1, y1)
        (region.unitsX, region.unitsY) = (3, 3)
        (region.deltaX, region.deltaY) = (0.02, -0.03)
        change(&region)
        return region
    }

    private let mask = PixelBox(x0: 20, y0: 20, x1: 40, y1: 40)

    private func expectReason(
        _ words: String, _ calibration: Calibration,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        guard case .unknown(let reason) = calibration else {
            Issue.record("\(calibration)", sourceLocation: sourceLocation)
            return
        }
        #expect(reason.contains(words), sourceLocation: sourceLocation)
    }

    @Test("10 times the delta in cm, whatever its sign")
    func known() throws {
        let found = try image([region(10, 10, 100, 90)]).calibration(of: mask)
        guard case .known(let spacing, let source) = found else {
            Issue.record("\(found)")
            return
        }
        #expect(abs(spacing.x - 0.2) < 1e-12)
        #expect(abs(spacing.y - 0.3) < 1e-12)
        #expect(source == "ultrasound region 1 of the DICOM file")
    }

    @Test("of several regions, the one that holds the mask")
    func several() throws {
        let regions = try [
            region(110, 10, 199, 90),
            region(10, 10, 100, 90) { $0.deltaX = 0.05 },
        ]
        let found = try image(regions).calibration(of: mask)
        #expect(found.spacing == PixelSpacing(x: 0.5, y: 0.3))
    }

    @Test("a region whose last column is the number of columns is one too wide, and counts")
    func offByOne() throws {
        let region = try region(0, 0, 200, 100)
        #expect(try image([region]).calibration(of: mask).spacing != nil)
        #expect(region.box(in: size) == PixelBox(x0: 0, y0: 0, x1: 200, y1: 100))
    }

    @Test("a region of an image of another size makes no mm")
    func stale() throws {
        let found = try image([region(10, 10, 150, 101)]).calibration(of: mask)
        expectReason("region 1 of the file, columns 10 to 150 and rows 10 to 101", found)
        // A strip below the image does not matter.
        let strip = try region(0, 90, 199, 140) { $0.spatialFormat = 4 }
        #expect(try image([region(10, 10, 100, 80), strip]).calibration(of: mask).spacing != nil)
    }

    @Test("M-mode, Doppler, other units, and masks across or outside of regions make no mm")
    func refused() throws {
        let mMode = try region(10, 10, 100, 90) { $0.spatialFormat = 2 }
        expectReason("which is M-mode, not 2D", try image([mMode]).calibration(of: mask))
        let seconds = try region(10, 10, 100, 90) { $0.unitsX = 4 }
        expectReason("not calibrated in cm", try image([seconds]).calibration(of: mask))
        let absent = try region(10, 10, 100, 90) { $0.deltaX = nil }
        expectReason("not calibrated in cm", try image([absent]).calibration(of: mask))
        let zero = try region(10, 10, 100, 90) { $0.deltaY = 0 }
        expectReason("not calibrated in cm", try image([zero]).calibration(of: mask))
        expectReason(
            "reaches out of ultrasound region 1",
            try image([region(10, 10, 30, 90)]).calibration(of: mask))
        expectReason(
            "outside the ultrasound regions",
            try image([region(100, 10, 199, 90)]).calibration(of: mask))
        expectReason(
            "the mask is empty", try image([region(10, 10, 100, 90)]).calibration(of: nil))
        let overlapping = try [region(0, 0, 100, 90), region(10, 10, 60, 60) { $0.deltaX = 0.01 }]
        expectReason("differ in size", try image(overlapping).calibration(of: mask))
    }

    @Test("pixel spacing counts only where there are no regions")
    func pixelSpacing() throws {
        let plain = try image(nil, pixelSpacing: [0.3, 0.2]).calibration(of: mask)
        #expect(plain.spacing == PixelSpacing(x: 0.2, y: 0.3))
        expectReason("no pixel spacing", try image(nil).calibration(of: mask))
        expectReason("not positive", try image(nil, pixelSpacing: [0, 1]).calibration(of: mask))
        let both = try image([region(100, 10, 199, 90)], pixelSpacing: [0.3, 0.2])
        #expect(both.calibration(of: mask).spacing == nil)
    }

    @Test(
        "real files: two 2D regions, an ECG strip, and two resized images",
        .enabled(if: Shared.isPresent, "../shared is absent"))
    func shared() throws {
        func found(_ name: String, _ box: PixelBox) throws -> Calibration {
            let path = Shared.folder.appending(path: "data/dicom/\(name).dcm").path
            return try #require(try DICOMFile.read(path).image).calibration(of: box)
        }
        let middle = PixelBox(x0: 200, y0: 150, x1: 260, y1: 190)
        #expect(try abs((found("color3d_jpeg_baseline", middle).spacing?.x ?? 0) - 0.5105) < 1e-4)
        #expect(try abs((found("OBXXXX1A", middle).spacing?.x ?? 0) - 0.26229) < 1e-4)
        let strip = PixelBox(x0: 300, y0: 530, x1: 320, y1: 560)
        expectReason("which is waveform, not 2D", try found("OBXXXX1A", strip))
        expectReason("does not fit into the image", try found("examples_ybr_color", middle))
        expectReason("does not fit into the image", try found("examples_palette", middle))
        expectReason("no ultrasound regions", try found("US1_UNCR", middle))
        #expect(try found("gdcm-US-ALOKA-16", middle).spacing != nil)
        let both = PixelBox(x0: 320, y0: 150, x1: 360, y1: 190)
        expectReason("reaches out of ultrasound region", try found("gdcm-US-ALOKA-16", both))
    }
}
