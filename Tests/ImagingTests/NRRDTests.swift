import FileIO
import Foundation
import Imaging
import Testing

@Suite("NRRD files are read as pynrrd and SimpleITK read them, or refused")
struct NRRDTests {
    private static let folder = Fixtures.package.appending(path: "Tests/Fixtures/volumes")

    private struct Expected: Decodable {
        let file: String
        let axes: [Int]
        let spacing: [Double]?
        let values: String
    }

    private func expected() throws -> [Expected] {
        try JSON.decode(
            [Expected].self,
            from: RegularFile.read(
                Self.folder.appending(path: "expected.json").path, limit: 1 << 20))
    }

    private func bytes(_ name: String) throws -> [UInt8] {
        try RegularFile.read(Self.folder.appending(path: name).path, limit: 1 << 20)
    }

    private func error(_ bytes: [UInt8], limits: ImageLimits = .standard) -> String? {
        do {
            _ = try NRRDVolume(bytes, name: "it", limits)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("values, types, byte orders, encodings and spacing")
    func values() throws {
        let all = try expected()
        #expect(all.count == 6)
        for entry in all {
            let volume = try NRRDVolume.read(Self.folder.appending(path: entry.file).path)
            #expect(volume.width == entry.axes[0] && volume.height == entry.axes[1])
            #expect(volume.frames == entry.axes.dropFirst(2).reduce(1, *))
            #expect(volume.spacing.map { [$0.x, $0.y] } == entry.spacing, "\(entry.file)")
            let data = try #require(Data(base64Encoded: entry.values))
            let numbers = data.withUnsafeBytes { buffer in
                (0..<data.count / 8).map {
                    Double(
                        bitPattern: UInt64(
                            littleEndian: buffer.loadUnaligned(
                                fromByteOffset: 8 * $0, as: UInt64.self)))
                }
            }
            #expect((0..<volume.frames).flatMap { volume.values(frame: $0) } == numbers)
        }
    }

    @Test("our own volumes come back: values, spacing and the names of segments")
    func ownFiles() throws {
        var volume = FrameVolume(
            size: Size(height: 4, width: 5), frames: 2, spacing: PixelSpacing(x: 0.25, y: 0.5))
        volume.replace(frame: 1, with: (0..<20).map { UInt8($0) })
        let nrrd = try NRRDVolume(
            volume.encodedNRRD(
                comment: "two\nlines", segments: [.init(value: 3, name: "left\nventricle")]),
            name: "it")
        #expect(nrrd.frames == 2 && nrrd.spacing == PixelSpacing(x: 0.25, y: 0.5))
        #expect(nrrd.values(frame: 1) == (0..<20).map(Double.init))
        #expect(nrrd.segments == [.init(value: 3, name: "left ventricle")])
        let nifti = try NIfTIVolume.decode(
            volume.encodedNIfTI(description: "samus"), name: "it")
        #expect(nifti.axisLengths == [5, 4, 2] && nifti.spacing == PixelSpacing(x: 0.25, y: 0.5))
        #expect(nifti.values(frame: 0).allSatisfy { $0 == 0 })
        #expect(nifti.values(frame: 1) == (0..<20).map(Double.init))
        #expect(nifti.affine == volume.affine)
    }

    @Test("damaged and hostile files are refused with one sentence")
    func refusals() throws {
        let file = try bytes("pynrrd-i2.nrrd")
        #expect(error(Array(file.dropLast(1)))?.contains("ends before its last voxel") == true)
        #expect(error(Array("NRRD0004\ntype: uchar".utf8))?.contains("empty line") == true)
        #expect(error(Array("P5 4 4".utf8)) == "'it' is not an NRRD file")
        func header(_ lines: String) -> [UInt8] { Array("NRRD0004\n\(lines)\n\n".utf8) }
        let whole = "type: uchar\ndimension: 2\nsizes: 2 2\nencoding: raw"
        #expect(error(header(whole) + [1, 2, 3, 4]) == nil)
        for (lines, words) in [
            (whole + "\ndata file: other.raw", "data in another file"),
            (whole.replacing("uchar", with: "block"), "type 'block'"),
            (whole.replacing("2 2", with: "2 -2"), "positive sizes"),
            (whole.replacing("2 2", with: "2"), "positive sizes"),
            (whole.replacing("2 2", with: "9999999999 9999999999"), "voxels"),
            (whole.replacing("raw", with: "bzip2"), "encoding 'bzip2'"),
            (whole + "\nkinds: RGB-color domain", "several numbers"),
        ] {
            let found = error(header(lines) + [1, 2, 3, 4])
            #expect(found?.contains(words) == true, "\(lines): \(found ?? "accepted")")
        }
        // A few bytes cannot hold a hundred million voxels.
        let bomb = whole.replacing("2 2", with: "10000 10000").replacing("raw", with: "gzip")
        #expect(error(header(bomb) + [0x1F, 0x8B, 8, 0])?.contains("can contain") == true)
    }

    @Test("ten thousand damaged files are read or refused, and never more")
    func fuzz() throws {
        var random = SplitMix64(seed: 7)
        let files = try ["pynrrd-u1.nrrd", "pynrrd-i2.nrrd", "itk.nrrd"].map(bytes)
        var refused = 0
        for round in 0..<10_000 {
            var file = files[round % 3]
            for _ in 0..<random.next(below: 8) + 1 {
                file[random.next(below: file.count)] = UInt8(random.next(below: 256))
            }
            if round % 4 == 0 { file.removeLast(random.next(below: file.count)) }
            if let volume = try? NRRDVolume(
                file, name: "it", ImageLimits(pixels: 1 << 16, bytes: 1 << 20))
            {
                #expect(volume.values(frame: 0).count == volume.width * volume.height)
            } else {
                refused += 1
            }
        }
        #expect(refused > 2000 && refused < 10_000)
    }
}
