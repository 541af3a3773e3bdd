import Foundation
import Imaging
import TestSupport
import Testing

@testable import Measurements

/// A half ellipse with its flat base below: `x²/a² + y²/L² < 1`, `y > 0` towards the apex.
private func halfEllipse(
    _ semiAxis: Double, length: Double, spacing: PixelSpacing, tilt: Double = 0
) -> Mask {
    let (width, height) = (Int(120 / spacing.x), Int(120 / spacing.y))
    let (cx, cy) = (60.0, 108.0)
    let (cosine, sine) = (cos(tilt), sin(tilt))
    var values: [UInt8] = []
    for row in 0..<height {
        for column in 0..<width {
            let x = (Double(column) + 0.5) * spacing.x - cx
            let y = cy - (Double(row) + 0.5) * spacing.y
            let (u, v) = (x * cosine + y * sine, -x * sine + y * cosine)
            let isInside = v > 0 && u * u / semiAxis / semiAxis + v * v / length / length < 1
            values.append(isInside ? 1 : 0)
        }
    }
    return Mask(width: width, height: height, values: values)
}

@Suite("Volumes of half-ellipsoids, whose volumes are known")
struct HalfEllipsoidTests {
    /// End diastole 117.62 ml and end systole 55.87 ml: `2/3 π a b L`.
    private static let phases = [
        (a: 26.0, b: 24.0, lengthA: 88.0, lengthB: 90.0), (a: 19, b: 18, lengthA: 76, lengthB: 78),
    ]

    private func views(
        _ spacing: PixelSpacing, tilt: Double = 0,
        _ shape: (Mask, PixelSpacing) throws -> ApicalShape
    ) throws -> (VentricleVolumes.View, VentricleVolumes.View) {
        let pixel = (spacing.x * spacing.y).squareRoot()
        let first = try Self.phases.map {
            try shape(halfEllipse($0.a, length: $0.lengthA, spacing: spacing, tilt: tilt), spacing)
        }
        let second = try Self.phases.map {
            try shape(halfEllipse($0.b, length: $0.lengthB, spacing: spacing, tilt: -tilt), spacing)
        }
        return (
            .init(endDiastole: first[0], endSystole: first[1], pixel: pixel),
            .init(endDiastole: second[0], endSystole: second[1], pixel: pixel)
        )
    }

    @Test(
        "biplane volumes and ejection fraction of middle disks",
        arguments: [PixelSpacing(x: 0.3, y: 0.3), .init(x: 0.5, y: 0.25), .init(x: 0.2, y: 0.4)],
        [0, 0.15, -0.3])
    func biplane(spacing: PixelSpacing, tilt: Double) throws {
        let (first, second) = try views(spacing, tilt: tilt) {
            try ApicalShape(ventricle: $0, spacing: $1)
        }
        #expect(abs(first.endDiastole.length - 88) < 0.6)
        #expect(abs(second.endSystole.length - 78) < 0.6)
        #expect(abs(first.endDiastole.base.length - 52) < 1.5)
        let volumes = VentricleVolumes(biplane: first, second)
        // The disks of ECOSYSTEM give 117.2, 55.9 and 52.3; the ellipsoids 117.62, 55.87 and 52.5.
        #expect(abs(volumes.endDiastolic.value - 117.62) < 1.4)
        #expect(abs(volumes.endSystolic.value - 55.87) < 0.9)
        #expect(abs(volumes.ejectionFraction.value - 52.5) < 0.6)
        // Half a pixel more of 25 mm, 24 mm and 90 mm.
        #expect(volumes.endDiastolic.plusMinus > 0.5 && volumes.endDiastolic.plusMinus < 4)
        #expect(abs(volumes.strokeVolume - 61.75) < 1.5)
    }

    @Test("one plane: disks, area and length agree with a body of revolution")
    func singlePlane() throws {
        let spacing = PixelSpacing(x: 0.3, y: 0.3)
        let (view, _) = try views(spacing) { try ApicalShape(ventricle: $0, spacing: $1) }
        let exact = 2.0 / 3 * .pi * 26 * 26 * 88 / 1000
        let volumes = VentricleVolumes(singlePlane: view)
        #expect(abs(volumes.endDiastolic.value - exact) < 0.012 * exact)
        #expect(abs(view.endDiastole.areaLengthVolume - exact) < 0.012 * exact)
    }

    @Test("the convention of CAMUS uses the longest axis for all volumes")
    func camus() throws {
        let spacing = PixelSpacing(x: 0.3, y: 0.3)
        let (first, second) = try views(spacing) {
            try ApicalShape(camusVentricle: $0, spacing: $1)
        }
        // What the notebook computes from the same masks: the longest axis makes end systole larger.
        let volumes = VentricleVolumes(biplane: first, second, convention: .camus)
        #expect(abs(volumes.endDiastolic.value - 117.0815) < 0.001)
        #expect(abs(volumes.endSystolic.value - 64.0841) < 0.001)
        #expect(abs(second.endSystole.length - 78.0369) < 0.001)
    }

    @Test("masks without a ventricle have no axis")
    func refusals() {
        let spacing = PixelSpacing(x: 1, y: 1)
        let empty = Mask(width: 30, height: 30, values: [UInt8](repeating: 0, count: 900))
        #expect(throws: ApicalShapeError.empty) {
            try ApicalShape(ventricle: empty, spacing: spacing)
        }
        #expect(throws: ApicalShapeError.empty) {
            try ApicalShape(camusVentricle: empty, spacing: spacing)
        }
        // A line of one pixel: its base would be its only side.
        var values = [UInt8](repeating: 0, count: 900)
        values[465] = 1
        let dot = Mask(width: 30, height: 30, values: values)
        #expect(throws: ApicalShapeError.noBase) {
            try ApicalShape(ventricle: dot, spacing: spacing)
        }
        // An atrium that is too far away to show the mitral plane is the reason, if it is there.
        #expect(throws: ApicalShapeError.atriumApart) {
            try ApicalShape(ventricle: dot, atrium: disc(x: 15, y: 25), spacing: spacing)
        }
        #expect(throws: ApicalShapeError.noBase) {
            try ApicalShape(ventricle: dot, atrium: empty, spacing: spacing)
        }
    }

    /// A disc of 7 pixels in 30 x 30.
    private func disc(x: Int, y: Int) -> Mask {
        Mask(
            width: 30, height: 30,
            values: (0..<900).map {
                let (dx, dy) = ($0 % 30 - x, $0 / 30 - y)
                return dx * dx + dy * dy <= 9 ? 1 : 0
            })
    }

    @Test("the mitral plane is the boundary shared with the atrium where they touch")
    func sharedBase() throws {
        let spacing = PixelSpacing(x: 0.5, y: 0.5)
        let ventricle = halfEllipse(20, length: 60, spacing: spacing)
        let rows = ventricle.values.indices.filter { ventricle.values[$0] != 0 }.map {
            $0 / ventricle.width
        }
        let bottom = try #require(rows.max())
        for (gap, isShared) in [(0, true), (2, true), (4, false)] {
            let atrium = Mask(
                width: ventricle.width, height: ventricle.height,
                values: ventricle.values.indices.map { index in
                    let row = index / ventricle.width
                    let base = bottom * ventricle.width + index % ventricle.width
                    let isBelow = (bottom + 1 + gap..<bottom + 11 + gap).contains(row)
                    return isBelow && ventricle.values[base] != 0 ? 1 : 0
                })
            try #require(!atrium.isEmpty)
            let shape = try ApicalShape(ventricle: ventricle, atrium: atrium, spacing: spacing)
            #expect(shape.isBaseShared == isShared, "gap \(gap)")
            #expect(abs(shape.length - 60) < 1.5)
        }
    }
}

@Suite("Axes and diameters are those of the CAMUS notebook")
struct CAMUSNotebookTests {
    private struct Entry: Decodable {
        let name: String
        let spacingX, spacingY, step: Double
        let diameters: [Double]
    }

    @Test(
        "20 left ventricles of Echo-CAMUS",
        .enabled(if: Shared.isPresent, "../shared is absent"))
    func notebook() throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let path = Shared.package.appending(path: "Tests/Fixtures/heart/camus-notebook.json")
        let entries = try decoder.decode([Entry].self, from: Data(contentsOf: path))
        #expect(entries.count == 20)
        for entry in entries {
            let label = try LabelValues.read(
                Shared.folder.appending(path: "data/Echo-CAMUS/label/\(entry.name).png").path)
            let ventricle = Mask(
                width: label.width, height: label.height,
                values: label.values.map { $0 == 1 ? 1 : 0 })
            let atrium = Mask(
                width: label.width, height: label.height,
                values: label.values.map { $0 == 3 ? 1 : 0 })
            let spacing = PixelSpacing(x: entry.spacingX, y: entry.spacingY)
            let found = try ApicalShape(camusVentricle: ventricle, spacing: spacing)
            #expect(abs(found.length / 20 - entry.step) < 1e-6, "\(entry.name)")
            for (disk, expected) in zip(found.disks, entry.diameters) {
                #expect(abs(disk.length - expected) < 1e-4, "\(entry.name)")
            }
            // Our own convention finds about the same axis, with and without the atrium.
            let disks = try ApicalShape(ventricle: ventricle, atrium: atrium, spacing: spacing)
            let alone = try ApicalShape(ventricle: ventricle, spacing: spacing)
            #expect(abs(disks.length / found.length - 1) < 0.06, "\(entry.name)")
            #expect(abs(alone.length / found.length - 1) < 0.06, "\(entry.name)")
            #expect(abs(disks.volume / alone.volume - 1) < 0.08, "\(entry.name)")
        }
    }
}

@Suite("End diastole and end systole from the area curve")
struct CardiacPhasesTests {
    /// Areas of some beats: 1000 at end diastole, 400 at end systole, 25 frames a beat.
    private func curve(frames: Int, shift: Int = 0) -> [Double?] {
        (0..<frames).map { 700 + 300 * cos(2 * .pi * Double($0 + shift) / 25) }
    }

    @Test("one beat")
    func oneBeat() throws {
        let phases = try #require(CardiacPhases(areas: curve(frames: 24)))
        #expect(phases.endDiastole == 0 && phases.contractions == 1)
        #expect(phases.endSystole == 12 || phases.endSystole == 13)
    }

    @Test("end systole belongs to the beat of end diastole")
    func severalBeats() throws {
        var areas = curve(frames: 75)
        areas[25] = 1050
        areas[62] = 395
        let phases = try #require(CardiacPhases(areas: areas))
        #expect(phases.endDiastole == 25)
        #expect((37...38).contains(phases.endSystole))
        #expect(phases.contractions == 3)
    }

    @Test("a cine that ends after end diastole has its end systole before")
    func endsTooSoon() throws {
        let areas = curve(frames: 26, shift: 12)
        let cut = Array(areas.prefix(16))
        let phases = try #require(CardiacPhases(areas: cut))
        #expect(phases.endDiastole == 13 && phases.endSystole <= 1)
    }

    @Test("frames without the ventricle do not count; two with the same area have no phases")
    func missing() {
        #expect(CardiacPhases(areas: [nil, 5, nil, 3])?.endDiastole == 1)
        #expect(CardiacPhases(areas: [nil, 5, nil, 3])?.endSystole == 3)
        #expect(CardiacPhases(areas: [4, nil]) == nil)
        #expect(CardiacPhases(areas: []) == nil)
    }
}

@Suite("The sector, and objects that its border cuts")
struct UltrasoundSectorTests {
    /// A fan with a black hole in it and text outside.
    private var fan: Image {
        var pixels = [UInt8](repeating: 0, count: 200 * 200)
        for y in 0..<200 {
            for x in 0..<200 {
                let (dx, dy) = (Double(x) - 100, Double(y))
                let radius = (dx * dx + dy * dy).squareRoot()
                let isInside = radius < 180 && abs(dx) < dy * 0.8
                let isHole = (80..<120).contains(x) && (80..<120).contains(y)
                if isInside && !isHole { pixels[y * 200 + x] = 90 }
            }
        }
        for x in 5..<25 { pixels[10 * 200 + x] = 255 }
        return Image(width: 200, height: 200, channels: 1, pixels: pixels)
    }

    private func square(_ box: PixelBox) -> Mask {
        var values = [UInt8](repeating: 0, count: 200 * 200)
        for y in box.y0..<box.y1 { for x in box.x0..<box.x1 { values[y * 200 + x] = 1 } }
        return Mask(width: 200, height: 200, values: values)
    }

    @Test("a dark cavity is inside, text is outside, and a cut object is found")
    func cut() throws {
        let sector = try #require(UltrasoundSector(frames: [fan]))
        #expect(sector.hasBorder)
        #expect(sector.mask.values[100 * 200 + 100] == 1)
        #expect(sector.mask.values[10 * 200 + 10] == 0)
        let whole = square(PixelBox(x0: 80, y0: 80, x1: 120, y1: 120))
        #expect(UltrasoundSector.cutShare(of: whole, sector: sector) == 0)
        // Beyond the arc of radius 180.
        let deep = square(PixelBox(x0: 80, y0: 150, x1: 120, y1: 179))
        #expect(UltrasoundSector.cutShare(of: deep, sector: sector) > 0.2)
        #expect(UltrasoundSector.cutShare(of: deep, sector: nil) == 0)
        let edge = square(PixelBox(x0: 0, y0: 80, x1: 40, y1: 120))
        #expect(UltrasoundSector.cutShare(of: edge, sector: nil) > 0.2)
        let black = Image(width: 2, height: 2, channels: 1, pixels: [0, 0, 0, 0])
        #expect(UltrasoundSector(frames: [black]) == nil)
        #expect(UltrasoundSector(frames: []) == nil)
    }
}
