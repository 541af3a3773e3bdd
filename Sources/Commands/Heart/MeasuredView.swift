import DICOM
import Foundation
import Imaging
import Measurements

/// A view as the command line gives it.
struct HeartViewInput {
    /// `A4C` or `A2C`.
    let name: String
    let source: HeartMasks
    let frames: PhaseFrames?
}

/// One end of the heart's cycle in a view.
struct MeasuredPhase {
    let frame: HeartFrame
    let image: Image?
    let calibration: Calibration
    /// nil where it cannot be found; `missing` says why.
    let shape: ApicalShape?
    let missing: String?
    /// nil where there is no whole atrium; `noAtrium` says why.
    let atrium: AtriumShape?
    let noAtrium: String?
}

/// A point of the area curve.
struct AreaPoint {
    let frame: Int
    let seconds: Double?
    /// In pixels.
    let area: Int
    /// Whether the ventricle is cut by the edge of the image or the sector.
    let isCut: Bool
}

/// When an object is not measured, because a part of it may be missing.
struct CutRule {
    let sector: UltrasoundSector?
    /// Whether cut objects are measured, too.
    let isAllowed: Bool

    /// A share of the boundary: less can touch the border of a sector by chance.
    private static let largestShare = 0.05

    func refuses(_ mask: Mask) -> Bool {
        !isAllowed && UltrasoundSector.cutShare(of: mask, sector: sector) > Self.largestShare
    }
}

/// The measurements of one view.
struct MeasuredView {
    let name: String
    let curve: [AreaPoint]
    /// Of the ventricle, in the first frame that has it.
    let calibration: Calibration
    /// End diastole and end systole; nil where they cannot be found, and `missing` says why.
    let phases: (endDiastole: MeasuredPhase, endSystole: MeasuredPhase)?
    let volumes: VentricleVolumes?
    let view: VentricleVolumes.View?
    /// Why there are no volumes.
    let missing: String?
    let notes: [String]

    /// Frames from which the sector is found.
    private static let sectorFrames = 8

    /// Measures a view.
    ///
    /// - Parameters:
    ///   - input: the view.
    ///   - convention: how disks are measured.
    ///   - allowsCut: whether cut objects are measured, too.
    /// - Throws: why a mask or an image cannot be read.
    init(_ input: HeartViewInput, convention: DiskConvention, allowsCut: Bool) throws {
        name = input.name
        let source = input.source
        var notes = source.notes
        let sector = try Self.sector(of: source)
        if sector == nil {
            notes.append(
                "without the images it is not known where the sector ends: a ventricle or atrium "
                    + "that is cut there looks complete")
        }
        var curve: [AreaPoint] = []
        var calibration: Calibration?
        var size: Size?
        for index in 0..<source.count {
            let frame = try source.frame(index)
            guard size ?? frame.ventricle.size == frame.ventricle.size else {
                throw MeasureError.sizesDiffer(
                    frame.source, frame.ventricle.size, "the frame before",
                    size ?? frame.ventricle.size)
            }
            size = frame.ventricle.size
            let area = frame.ventricle.largestComponent().area
            if area > 0 { calibration = calibration ?? frame.calibration }
            curve.append(
                AreaPoint(
                    frame: frame.number, seconds: source.times?[index], area: area,
                    isCut: CutRule(sector: sector, isAllowed: false).refuses(frame.ventricle)))
        }
        self.curve = curve
        let known = calibration ?? .unknown(reason: "there is no left ventricle in any frame")
        self.calibration = known
        let found = try Self.phases(
            curve, input, convention: convention,
            cut: CutRule(sector: sector, isAllowed: allowsCut))
        notes += found.notes
        phases = found.phases
        guard let phases, let spacing = known.spacing else {
            (volumes, view) = (nil, nil)
            missing = found.missing ?? known.reason
            self.notes = notes
            return
        }
        let (ed, es) = (phases.endDiastole, phases.endSystole)
        guard let edShape = ed.shape, let esShape = es.shape else {
            (volumes, view) = (nil, nil)
            missing = ed.missing ?? es.missing
            self.notes = notes
            return
        }
        let view = VentricleVolumes.View(
            endDiastole: edShape, endSystole: esShape,
            pixel: (spacing.x * spacing.y).squareRoot())
        self.view = view
        volumes = VentricleVolumes(singlePlane: view, convention: convention)
        missing = nil
        for (phase, shape) in [(ed, edShape), (es, esShape)]
        where convention == .disks && !shape.isBaseShared && phase.frame.atrium?.isEmpty == false {
            notes.append(
                "the left atrium does not meet the ventricle in frame \(phase.frame.number): the "
                    + "mitral plane is a straight part of the ventricle's outline, so check it")
        }
        if esShape.length > edShape.length {
            notes.append(
                "the long axis is longer at end systole than at end diastole: check both outlines")
        }
        self.notes = notes
    }

    private static func sector(of source: HeartMasks) throws -> UltrasoundSector? {
        var images: [Image] = []
        let step = max(1, source.count / sectorFrames)
        for index in stride(from: 0, to: source.count, by: step) {
            guard let image = try source.image(index)?.image,
                images.first.map({ $0.size == image.size }) ?? true
            else { continue }
            images.append(image)
        }
        return UltrasoundSector(frames: images)
    }

    /// The frames of both ends of the cycle, and what is in them.
    private static func phases(
        _ curve: [AreaPoint], _ input: HeartViewInput, convention: DiskConvention, cut: CutRule
    ) throws -> (
        phases: (endDiastole: MeasuredPhase, endSystole: MeasuredPhase)?, missing: String?,
        notes: [String]
    ) {
        var notes: [String] = []
        let chosen: (Int, Int)
        if let frames = input.frames {
            func index(_ number: Int) throws -> Int {
                guard let index = curve.firstIndex(where: { $0.frame == number }) else {
                    throw HeartError.noSuchFrame(number, view: input.name, frames: curve.count)
                }
                return index
            }
            chosen = (try index(frames.endDiastole), try index(frames.endSystole))
        } else {
            guard curve.contains(where: { $0.area > 0 }) else {
                return (nil, "there is no left ventricle in any frame", notes)
            }
            let areas = curve.map {
                $0.area > 0 && (!$0.isCut || cut.isAllowed) ? Double($0.area) : nil
            }
            guard let phases = CardiacPhases(areas: areas) else {
                let count = curve.filter { $0.area > 0 && $0.isCut }.count
                let reason =
                    curve.count == 1
                    ? "end diastole and end systole are needed, and there is one frame"
                    : count > 0
                        ? "the left ventricle is cut by the edge of the sector or the image in "
                            + "\(count) of \(curve.count) frames; --allow-cut measures it all the same"
                        : "fewer than two frames with different areas of the left ventricle"
                return (nil, reason, notes)
            }
            chosen = (phases.endDiastole, phases.endSystole)
            if phases.contractions > 1 {
                notes.append(
                    "the cine has \(phases.contractions) beats; the one with the largest area counts"
                )
            }
            if phases.endSystole < phases.endDiastole {
                notes.append("end systole is before end diastole, because the cine ends too soon")
            }
            notes += jumps(curve)
        }
        func phase(_ index: Int) throws -> MeasuredPhase {
            let image = try input.source.image(index)?.image
            return MeasuredPhase(
                try input.source.frame(index), image: image, convention: convention, cut: cut)
        }
        for index in [chosen.0, chosen.1] where curve[index].isCut && cut.isAllowed {
            notes.append(
                "the left ventricle is cut by the edge of the sector or the image in frame "
                    + "\(curve[index].frame): its outline there is a guess")
        }
        return ((try phase(chosen.0), try phase(chosen.1)), nil, notes)
    }

    /// A ventricle does not change faster from one frame of a cine to the next, as a share of its area.
    private static let largestChange = 0.35
    /// With fewer frames, neighbours may be far apart in time.
    private static let fewestFramesOfCine = 8

    /// That an outline in a cine jumps, which no ventricle does.
    private static func jumps(_ curve: [AreaPoint]) -> [String] {
        guard curve.count >= fewestFramesOfCine else { return [] }
        let changes = zip(curve, curve.dropFirst()).filter { $0.area > 0 && $1.area > 0 }.map {
            (share: abs(Double($1.area) / Double($0.area) - 1), from: $0.frame, to: $1.frame)
        }
        guard let worst = changes.max(by: { $0.share < $1.share }), worst.share > largestChange
        else { return [] }
        return [
            "the area of the left ventricle changes by \(Int((100 * worst.share).rounded())) % from frame "
                + "\(worst.from) to frame \(worst.to): an outline is wrong, and so are the volumes"
        ]
    }
}

extension MeasuredPhase {
    init(
        _ frame: HeartFrame, image: Image?, convention: DiskConvention, cut: CutRule
    ) {
        self.frame = frame
        self.image = image?.size == frame.ventricle.size ? image : nil
        calibration = frame.calibration
        let place = "in frame \(frame.number)"
        guard let spacing = frame.calibration.spacing else {
            shape = nil
            missing = frame.calibration.reason
            atrium = nil
            noAtrium = nil
            return
        }
        if frame.ventricle.area > 0, cut.refuses(frame.ventricle) {
            shape = nil
            missing = "the left ventricle is cut by the edge of the sector or the image \(place)"
        } else {
            do throws(ApicalShapeError) {
                shape =
                    convention == .camus
                    ? try ApicalShape(camusVentricle: frame.ventricle, spacing: spacing)
                    : try ApicalShape(
                        ventricle: frame.ventricle, atrium: frame.atrium, spacing: spacing)
                missing = nil
            } catch {
                shape = nil
                missing = "no long axis \(place): \(error)"
            }
        }
        guard let mask = frame.atrium, mask.area > 0 else {
            atrium = nil
            noAtrium = frame.atrium == nil ? nil : "there is no left atrium \(place)"
            return
        }
        guard !cut.refuses(mask) else {
            atrium = nil
            noAtrium = "the left atrium is cut by the edge of the sector or the image \(place)"
            return
        }
        atrium = AtriumShape(atrium: mask, ventricle: frame.ventricle, spacing: spacing)
        noAtrium = atrium == nil ? "the left atrium does not meet the ventricle \(place)" : nil
    }
}
