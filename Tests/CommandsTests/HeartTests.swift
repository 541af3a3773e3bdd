import FileIO
import Foundation
import Imaging
import TestSupport
import Testing

@Suite("samus heart computes volumes from masks, and says why where it cannot")
struct HeartTests {
    private let scratch: Scratch
    private let samus = Program()

    init() throws {
        scratch = try Scratch()
    }

    /// A label image: ventricle 1 as a half ellipse, atrium 3 as a disc below, in pixels of 0.5 mm.
    private func label(semiAxis: Double, length: Double, hasAtrium: Bool = false) -> Image {
        var pixels: [UInt8] = []
        for row in 0..<280 {
            for column in 0..<200 {
                let (x, y) = ((Double(column) + 0.5) / 2 - 50, 100 - (Double(row) + 0.5) / 2)
                let isVentricle =
                    y > 0 && x * x / semiAxis / semiAxis + y * y / length / length < 1
                let isAtrium = y < 0 && x * x + (y + 12) * (y + 12) < 15 * 15
                pixels.append(isVentricle ? 1 : isAtrium && hasAtrium ? 3 : 0)
            }
        }
        return Image(width: 200, height: 280, channels: 1, pixels: pixels)
    }

    /// End diastole and end systole of ECOSYSTEM's half-ellipsoids.
    private func write(_ view: String, _ shapes: [(Double, Double)]) throws -> [String] {
        try shapes.enumerated().map { index, shape in
            let image = label(semiAxis: shape.0, length: shape.1, hasAtrium: true)
            return try scratch.write(image.encodedPNG(), "\(view)\(index).png")
        }
    }

    private struct Record: Decodable {
        struct Number: Decodable {
            let value: Double
            let plusMinus: Double
        }
        struct Volumes: Decodable {
            let endDiastolicMl, endSystolicMl, ejectionFractionPercent: Number
        }
        struct Phase: Decodable {
            let frame: Int
            let areaPx: Int
            let diametersMm: [Double]?
            struct Atrium: Decodable { let volumeMl: Double }
            let atrium: Atrium?
            let noAtrium: String?
        }
        struct View: Decodable {
            let name: String
            let noMmReason: String?
            let missing: String?
            let endDiastole, endSystole: Phase?
            let singlePlane: Volumes?
        }
        let notice: String
        let views: [View]
        let biplane: Volumes?
        let noBiplane: String?
        let biplaneAtriumMl: Double?
    }

    private func record(_ folder: String = "out") throws -> Record {
        try JSON.decode(
            Record.self,
            from: RegularFile.read(scratch.path("\(folder)/heart.json"), limit: 1 << 20))
    }

    @Test("two views: biplane volumes of half-ellipsoids, the atrium, page, sheet and table")
    func biplane() throws {
        let four = try write("a4c", [(24, 90), (18, 78)])
        let two = try write("a2c", [(26, 88), (19, 76)])
        let outcome = try samus.start(
            ["heart", "--a4c"] + four + ["--a2c"] + two
                + ["--spacing", "0.5", "-o", scratch.path("out")]
        ).outcome()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("research use only, not a medical device"))
        let record = try record()
        let biplane = try #require(record.biplane)
        #expect(abs(biplane.endDiastolicMl.value - 117.6) < 1.5)
        #expect(abs(biplane.endSystolicMl.value - 55.9) < 1)
        #expect(abs(biplane.ejectionFractionPercent.value - 52.5) < 0.7)
        #expect(record.views.map(\.name) == ["A4C", "A2C"])
        #expect(record.views[0].endDiastole?.frame == 1)
        #expect(record.views[0].endDiastole?.diametersMm?.count == 20)
        // A disc of 15 mm cut off at the mitral plane: a sphere of 14.1 ml less a small cap.
        let atrium = try #require(record.biplaneAtriumMl)
        #expect(atrium > 12 && atrium < 15)
        let page = try String(contentsOfFile: scratch.path("out/heart.html"), encoding: .utf8)
        #expect(page.contains("research use only, not a medical device"))
        #expect(page.contains("ejection fraction") && page.contains("data:image/png;base64,"))
        #expect(!page.contains("<script") && !page.contains("http"))
        let sheet = try Image.read(scratch.path("out/heart.png"))
        #expect(sheet.width > 400)
        let rows = CSV.rows(try RegularFile.text(scratch.path("out/heart.csv"), limit: 1 << 20))
        #expect(rows.count == 5)
        #expect(rows.dropFirst().map { $0[6] } == ["ED", "ES", "ED", "ES"])

        let again = try samus.start(
            ["heart", "--a4c"] + four + ["--spacing", "0.5", "-o", scratch.path("out")]
        ).outcome()
        #expect(again.code == 73 && again.errors.contains("--force"))
    }

    @Test("an outline that jumps within a cine is named with its frames; a steady one is not")
    func jump() throws {
        let steady = (0..<9).map { (22.0 - Double($0) * 0.5, 80.0 - Double($0)) }
        var jumping = steady
        jumping[4].0 = 33
        let quiet = try samus.start(
            ["heart", "--a4c"] + write("steady", steady)
                + ["--spacing", "0.5", "-o", scratch.path("quiet")]
        ).outcome()
        #expect(quiet.code == 0, "\(quiet.errors)")
        #expect(!(quiet.output + quiet.errors).contains("an outline is wrong"))
        let loud = try samus.start(
            ["heart", "--a4c"] + write("jumping", jumping)
                + ["--spacing", "0.5", "-o", scratch.path("loud")]
        ).outcome()
        #expect(
            (loud.output + loud.errors).contains("% from frame 4 to frame 5: an outline is wrong"),
            "\(loud.output) \(loud.errors)")
    }

    @Test("without the size of a pixel there is no volume, and the reason is said")
    func noSpacing() throws {
        let four = try write("a4c", [(24, 90), (18, 78)])
        let outcome = try samus.start(
            ["heart", "--a4c"] + four + ["-o", scratch.path("out")]
        ).outcome()
        #expect(outcome.code == 3)
        #expect(outcome.output.contains("--spacing"))
        let record = try record()
        #expect(record.biplane == nil && record.views[0].singlePlane == nil)
        #expect(record.views[0].noMmReason?.contains("--spacing") == true)
        #expect(record.views[0].endDiastole?.frame == 1)
        #expect(!outcome.output.contains(" ml"))
    }

    @Test("a ventricle that the border of the sector cuts has no volume; a cut atrium no volume")
    func cut() throws {
        let four = try write("a4c", [(24, 90), (18, 78)])
        /// Bright down to a row, black below.
        func images(brightRows: Int) throws -> [String] {
            try (0..<2).map { index in
                var pixels = [UInt8](repeating: 90, count: 200 * 280)
                for i in brightRows * 200..<280 * 200 { pixels[i] = 0 }
                let image = Image(width: 200, height: 280, channels: 1, pixels: pixels)
                return try scratch.write(image.encodedPNG(), "image\(brightRows)-\(index).png")
            }
        }
        // The atrium ends at row 254, the ventricle at row 200.
        let atrium = try samus.start(
            ["heart", "--a4c"] + four + ["--a4c-image"] + images(brightRows: 250)
                + ["--spacing", "0.5", "-o", scratch.path("atrium")]
        ).outcome()
        #expect(atrium.code == 0, "\(atrium.errors)")
        let record = try record("atrium")
        #expect(record.views[0].singlePlane != nil)
        #expect(record.views[0].endSystole?.noAtrium?.contains("cut") == true)

        let ventricle = try samus.start(
            ["heart", "--a4c"] + four + ["--a4c-image"] + images(brightRows: 200)
                + ["--spacing", "0.5", "-o", scratch.path("ventricle")]
        ).outcome()
        #expect(ventricle.code == 3)
        let none = try self.record("ventricle")
        #expect(none.views[0].singlePlane == nil)
        #expect(none.views[0].missing?.contains("cut by the edge") == true)

        let allowed = try samus.start(
            ["heart", "--a4c"] + four + ["--a4c-image"] + images(brightRows: 200)
                + ["--spacing", "0.5", "--allow-cut", "-o", scratch.path("allowed")]
        ).outcome()
        #expect(allowed.code == 0 && allowed.output.contains("its outline there is a guess"))
    }

    @Test("wrong arguments, a single frame and a missing ventricle are refused with one sentence")
    func refusals() throws {
        #expect(try samus("heart").code == 64)
        #expect(try samus("heart", "--a4c", scratch.path("nothing.png")).code == 66)
        let one = try write("one", [(24, 90)])
        let single = try samus(
            "heart", "--a4c", one[0], "--spacing", "0.5", "-o", scratch.path("single"))
        #expect(single.code == 3 && single.output.contains("there is one frame"))
        let black = Image(
            width: 20, height: 20, channels: 1, pixels: [UInt8](repeating: 0, count: 400))
        let empty = try scratch.write(black.encodedPNG(), "black.png")
        let none = try samus(
            "heart", "--a4c", empty, "--a4c", empty, "--spacing", "0.5", "-o",
            scratch.path("none"))
        #expect(none.code == 3 && none.output.contains("no left ventricle"))
        let frames = try samus(
            "heart", "--a4c", one[0], "--a4c-frames", "1,7", "--spacing", "0.5", "-o",
            scratch.path("frames"))
        #expect(frames.code == 66 && frames.errors.contains("no frame 7"))
    }

    @Test(
        "the label clip of nifti_echo has plausible volumes in both conventions",
        .enabled(if: Shared.isPresent, "../shared is absent"))
    func labelClip() throws {
        let clip = Shared.folder.appending(path: "data/nifti_echo/segmentation_reference.nii.gz")
        for convention in ["disks", "camus"] {
            let outcome = try samus(
                "heart", "--a4c", clip.path, "--convention", convention, "-o",
                scratch.path(convention))
            #expect(outcome.code == 0, "\(outcome.errors)")
            let volumes = try #require(try record(convention).views[0].singlePlane)
            #expect((40...300).contains(volumes.endDiastolicMl.value))
            #expect((20...80).contains(volumes.ejectionFractionPercent.value))
        }
    }
}
