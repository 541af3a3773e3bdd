import DICOM
import FileIO
import Foundation
import Imaging
import Testing

@Suite("Segmentation objects are read", .serialized)
struct SegmentationFileTests {
    /// A rectangle.
    private func mask(_ box: PixelBox) -> Mask {
        let values = (0..<48 * 36).map { index in
            let (x, y) = (index % 48, index / 48)
            return UInt8(x >= box.x0 && y >= box.y0 && x < box.x1 && y < box.y1 ? 1 : 0)
        }
        return Mask(width: 48, height: 36, values: values)
    }

    private let boxes = [
        PixelBox(x0: 5, y0: 4, x1: 20, y1: 15), PixelBox(x0: 0, y0: 0, x1: 48, y1: 36),
        PixelBox(x0: 47, y0: 35, x1: 48, y1: 36),
    ]

    /// Three frames of a cine, the last of a second segment.
    private func object() throws -> [UInt8] {
        let places = [(0, 2), (0, 4), (1, 2)]
        let result = DICOMResult(
            source: try DICOMSource.read(Fixtures.path("jpeg-cine.dcm")),
            segments: ["nodule", "Zyste groß"].map { .init(label: $0, isAutomatic: false) },
            entries: zip(places, boxes).map { place, box in
                .init(
                    segment: place.0, frame: place.1, mask: mask(box).runLength(),
                    calibration: .unknown(reason: ""))
            }, origin: .init(version: "1", model: "m", weightsSHA256: "", parameters: ""))
        var bytes: [UInt8] = []
        _ = try result.writeSegmentation { bytes += $0 }
        return bytes
    }

    @Test("labels, frames and masks are those that were written")
    func written() throws {
        let file = try TemporaryFile(object())
        let read = try DICOMSegmentationFile.read(file.path)
        #expect(read.size == Size(height: 36, width: 48))
        #expect(read.labels == [1: "nodule", 2: "Zyste groß"])
        #expect(read.frames.map(\.segment) == [1, 1, 2])
        #expect(read.frames.map(\.frame) == [2, 4, 2])
        let source = try DICOMFile.read(Fixtures.path("jpeg-cine.dcm")).sopInstance
        #expect(read.frames.allSatisfy { $0.instance == source })
        #expect(try read.masks() == boxes.map { mask($0).runLength() })
    }

    @Test("fractional masks, too few bits and images are refused")
    func refused() throws {
        let bytes = try object()
        func refusal(_ bytes: [UInt8]) throws -> String {
            let file = try TemporaryFile(bytes)
            do throws(DICOMError) {
                _ = try DICOMSegmentationFile.read(file.path)
                return ""
            } catch {
                return "\(error)"
            }
        }
        let binary = try #require(Data(bytes).range(of: Data("BINARY".utf8)))
        var fractional = bytes
        fractional.replaceSubrange(binary, with: Array("BINERY".utf8))
        #expect(try refusal(fractional).contains("its segments are not binary"))
        // Number of Frames (0028,0008) IS "3 ".
        let count = try #require(
            Data(bytes).range(of: Data([0x28, 0, 8, 0, 0x49, 0x53, 2, 0, 0x33])))
        var many = bytes
        many[count.upperBound - 1] = 0x39
        #expect(try refusal(many).contains("it states 9 frames, 1944 bytes, and has 648"))
        #expect(try refusal(Fixtures.bytes("grey8.dcm")).contains("is not a Segmentation object"))
    }

    /// More with `SAMUS_DICOM_FUZZ=1000000`.
    @Test("damaged Segmentation objects are read or refused; the decoder does not crash")
    func fuzz() throws {
        let count =
            ProcessInfo.processInfo.environment["SAMUS_DICOM_FUZZ"].flatMap { Int($0) } ?? 60
        var random = SplitMix64(seed: 12)
        let source = try object()
        let file = try TemporaryFile()
        for round in 0..<count {
            var bytes = source
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 132..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.removeSubrange(place..<min(place + 9, bytes.count))
                default:
                    bytes.insert(contentsOf: bytes[place..<min(place + 30, bytes.count)], at: place)
                }
            }
            try file.write(bytes)
            do throws(DICOMError) {
                let read = try DICOMSegmentationFile.read(file.path)
                let masks = try read.masks()
                #expect(masks.count == read.frames.count)
            } catch {
                switch error {
                case .decoderMissing, .decoderUnusable, .cannotRead, .decoderStopped:
                    Issue.record("\(round): \(error)")
                default: break
                }
            }
        }
    }
}
