import FileIO
import Foundation
import Imaging
import Testing

@Suite("NIfTI files are read as nibabel reads them, or refused")
struct NIfTITests {
    private static let real = Fixtures.package.appending(path: "../shared/data/nifti_echo")
    private static let hasReal = FileManager.default.fileExists(atPath: real.path)

    private func error(_ bytes: [UInt8], limits: ImageLimits = .standard) -> String? {
        do {
            _ = try NIfTIVolume.decode(bytes, name: "it", limits: limits)
            return nil
        } catch {
            return error.description
        }
    }

    /// A little-endian header for 8-bit voxels, with its axes.
    private func header(_ axes: [UInt16]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 352)
        bytes[0...1] = [92, 1]
        bytes[40] = UInt8(axes.count)
        for (index, length) in axes.enumerated() {
            bytes[42 + 2 * index] = UInt8(length & 255)
            bytes[43 + 2 * index] = UInt8(length >> 8)
        }
        bytes[70] = 2
        bytes[72] = 8
        bytes.replaceSubrange(344..<348, with: "n+1\0".utf8)
        return bytes
    }

    @Test("values of all data types, byte orders and scalings equal nibabel's")
    func values() throws {
        for fixture in try ImportFixtures.read().nifti {
            let path = ImportFixtures.folder.appending(path: fixture.file).path
            let volume = try NIfTIVolume.read(path)
            #expect(volume.width == fixture.width && volume.height == fixture.height)
            #expect(volume.frames == fixture.frames)
            #expect(volume.spacing?.x == fixture.spacing[0], "\(fixture.file)")
            #expect(volume.spacing?.y == fixture.spacing[1], "\(fixture.file)")
            let values = (0..<volume.frames).flatMap { volume.values(frame: $0) }
            #expect(values == fixture.values.doubles, "\(fixture.file)")
        }
    }

    @Test("volumes whose sform or qform turn or mirror x and y have other axes")
    func axes() throws {
        func volume(sform: [Float] = [], qform: [Float] = []) throws -> NIfTIVolume {
            var bytes = header([2, 1]) + [1, 2]
            func set(_ place: Int, _ value: Float) {
                for (index, shift) in [0, 8, 16, 24].enumerated() {
                    bytes[place + index] = UInt8(value.bitPattern >> UInt32(shift) & 255)
                }
            }
            if !sform.isEmpty { bytes[254] = 1 }
            if !qform.isEmpty { bytes[252] = 1 }
            for (index, value) in sform.enumerated() { set(280 + 4 * index, value) }
            for (index, value) in qform.enumerated() { set(256 + 4 * index, value) }
            return try NIfTIVolume.decode(bytes, name: "it")
        }
        let plain = try volume(sform: [2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0])
        let mirrored = try volume(sform: [-2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0])
        let turned = try volume(sform: [0, 2, 0, 0, 3, 0, 0, 0, 0, 0, 1, 0])
        // The quaternion (1, 0, 0, 0), and half a turn around z.
        let same = try volume(qform: [0, 0, 0])
        let half = try volume(qform: [0, 0, 1])
        #expect(plain.hasSameAxes(as: plain) && plain.hasSameAxes(as: same))
        #expect(plain.hasSameAxes(as: try volume()))
        for other in [mirrored, turned, half] { #expect(!plain.hasSameAxes(as: other)) }
    }

    @Test("8-bit values become an image unchanged; other values are refused")
    func images() throws {
        let volume = try NIfTIVolume.decode(header([3, 2]) + [9, 8, 7, 6, 5, 255], name: "it")
        #expect(
            try volume.image(frame: 0)
                == Image(width: 3, height: 2, channels: 1, pixels: [9, 8, 7, 6, 5, 255]))
        #expect(volume.spacing == nil)
        let scaled = try NIfTIVolume.decode(try ImportFixtures.bytes("scaled.nii.gz"), name: "it")
        #expect(throws: NIfTIError.self) { try scaled.image(frame: 0) }
    }

    @Test("a file that is truncated at any byte is refused, compressed or not")
    func truncated() throws {
        for name in ["u1.nii", "i2.nii", "frame.nii.gz", "sequence_gt.nii.gz"] {
            let bytes = try ImportFixtures.bytes(name)
            #expect(error(bytes) == nil)
            for count in 0..<bytes.count {
                #expect(error(Array(bytes[..<count])) != nil, "\(name) cut to \(count) bytes")
            }
        }
    }

    @Test("random damage gives a volume or an error, without a trap")
    func damage() throws {
        var random = SplitMix64(seed: 11)
        let limits = ImageLimits(pixels: 100_000, bytes: 1 << 20)
        for name in ["u1.nii", "f8.nii", "big-endian.nii", "scaled.nii.gz", "sequence.nii.gz"] {
            let bytes = try ImportFixtures.bytes(name)
            for _ in 0..<500 {
                var damaged = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<damaged.count, using: &random)
                    damaged[place] = UInt8.random(in: 0...255, using: &random)
                }
                if let volume = try? NIfTIVolume.decode(damaged, name: "it", limits: limits) {
                    #expect(volume.width * volume.height * volume.frames <= limits.pixels)
                    #expect(
                        volume.values(frame: volume.frames - 1).count
                            == volume.width * volume.height)
                    _ = try? volume.image(frame: 0)
                    let shown = volume.image(frame: 0, scale: volume.greyScale())
                    #expect(shown.pixels.count == volume.width * volume.height)
                }
            }
        }
    }

    @Test("values beyond 0 to 255 are scaled by the range of all frames, others are rounded")
    func greyScale() throws {
        func volume(_ values: [Double]) throws -> NIfTIVolume {
            var bytes = header([2, 1, UInt16(values.count / 2)])
            bytes.replaceSubrange(70..<74, with: [64, 0, 64, 0])
            for value in values {
                withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
            }
            return try NIfTIVolume.decode(bytes, name: "it")
        }
        func pixels(_ values: [Double]) throws -> [UInt8] {
            let volume = try volume(values)
            return volume.image(frame: 0, scale: volume.greyScale()).pixels
        }
        #expect(try pixels([3.4, 254.6]) == [3, 255])
        #expect(try pixels([0, 1]) == [0, 255])
        // The brightest value is in the second frame.
        #expect(try pixels([-100, 0, 100, 155]) == [0, 100])
        #expect(try pixels([.nan, 5]) == [0, 5])
        let limit = Double.greatestFiniteMagnitude
        #expect(try pixels([-limit, limit]) == [0, 255])
    }

    @Test("one flipped bit in compressed voxels is refused by the checksum")
    func checksum() throws {
        var bytes = try ImportFixtures.bytes("sequence.nii.gz")
        bytes[bytes.count - 6] ^= 1
        #expect(error(bytes) == "'it' is damaged: incorrect data check")
    }

    @Test("headers with impossible or too large sizes are refused")
    func sizes() throws {
        #expect(
            error(header([30000, 30000, 30000]))
                == "'it' is too large: it states [30000, 30000, 30000] voxels; at most"
                + " 100000000 are read")
        #expect(error(header([5000, 5000])) == "'it' is damaged: it ends before its last voxel")
        #expect(error(header([0, 5])) == "'it' is damaged: an axis has length 0")
        #expect(error(header([40000, 5])) == "'it' is damaged: an axis has length -25536")
        var bytes = header([4, 4])
        bytes[40] = 8
        #expect(error(bytes) == "'it' is damaged: it states 8 axes")
        bytes = header([4, 4]) + [UInt8](repeating: 0, count: 16)
        bytes.replaceSubrange(108..<112, with: [0, 0, 0xC0, 0x7F])
        #expect(error(bytes) == "'it' is damaged: its voxels begin at byte nan")
        let small = ImageLimits(pixels: 10, bytes: 1 << 20)
        #expect(error(header([4, 4]), limits: small)?.contains("at most 10 are read") == true)
    }

    @Test("a compressed file with much more data than its header states is refused")
    func bomb() throws {
        // A compressed member of 64 KB of zeros, repeated.
        let piece = try ImportFixtures.bytes("bomb-piece.gz")
        let frame = try ImportFixtures.bytes("frame.nii.gz")
        let bomb = frame + (0..<64).flatMap { _ in piece }
        #expect(error(bomb) == "'it' is damaged: it has too much data after its last voxel")
        #expect(error(frame + piece) == nil)
    }

    @Test("files that are not a single NIfTI-1 file are refused with their kind")
    func kinds() {
        #expect(error([]) == "'it' is not a NIfTI-1 file (.nii or .nii.gz)")
        #expect(
            error(Array("hello".utf8) + [UInt8](repeating: 0, count: 400))
                == "'it' is not a NIfTI-1 file (.nii or .nii.gz)")
        var bytes = header([4, 4])
        bytes[70] = 128
        #expect(
            error(bytes)
                == "'it' is of data type 128; a single NIfTI-1 file with one number per voxel is needed"
        )
        bytes = header([4, 4])
        bytes[345] = UInt8(ascii: "i")
        #expect(error(bytes)?.contains("in two parts") == true)
        bytes[0...1] = [28, 2]
        #expect(error(bytes)?.contains("a NIfTI-2 file") == true)
        #expect(
            throws: NIfTIError.cannotRead(name: "/", reason: "it is a folder, not a regular file")
        ) {
            try NIfTIVolume.read("/")
        }
    }

    @Test(
        "values of real echocardiograms equal nibabel's",
        .enabled(if: hasReal, "../shared/data/nifti_echo is absent"),
        arguments: [
            ("a4c_single", 1, 0.4, 5_516_109.03658855, 77.69411766529083),
            ("a4c_sequence", 20, 0.4, 5_437_468.644413233, 56.776470601558685),
            ("segmentation_reference", 25, 0.4556355, 39392, 1),
        ])
    func realFiles(
        name: String, frames: Int, spacing: Double, sum: Double, at300x250: Double
    ) throws {
        let volume = try NIfTIVolume.read(Self.real.appending(path: "\(name).nii.gz").path)
        #expect(volume.frames == frames)
        #expect(volume.spacing == PixelSpacing(x: spacing, y: spacing))
        let values = volume.values(frame: frames - 1)
        #expect(abs(values.reduce(0, +) / sum - 1) < 1e-6)
        #expect(abs(values[250 * volume.width + 300] - at300x250) < 1e-5)
    }
}
