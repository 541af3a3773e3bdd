import Imaging

/// A number with the interval by which it changes when all boundaries move by half a pixel.
public struct MeasuredNumber: Equatable, Sendable {
    /// The number.
    public let value: Double
    /// Half the width of the interval.
    public let plusMinus: Double

    /// - Parameters:
    ///   - value: the number.
    ///   - plusMinus: half the width of the interval.
    public init(value: Double, plusMinus: Double) {
        self.value = value
        self.plusMinus = plusMinus
    }

    init(_ value: Double, smaller: Double, larger: Double) {
        self.init(value: value, plusMinus: abs(larger - smaller) / 2)
    }
}

/// Volumes of the left ventricle and its ejection fraction, from one or two apical views.
public struct VentricleVolumes: Equatable, Sendable {
    /// The ventricle at end diastole and end systole in one view.
    public struct View: Equatable, Sendable {
        /// At end diastole.
        public let endDiastole: ApicalShape
        /// At end systole.
        public let endSystole: ApicalShape
        /// Mean side of a pixel in mm.
        public let pixel: Double

        /// - Parameters:
        ///   - endDiastole: at end diastole.
        ///   - endSystole: at end systole.
        ///   - pixel: mean side of a pixel in mm.
        public init(endDiastole: ApicalShape, endSystole: ApicalShape, pixel: Double) {
            self.endDiastole = endDiastole
            self.endSystole = endSystole
            self.pixel = pixel
        }
    }

    /// End-diastolic volume in ml.
    public let endDiastolic: MeasuredNumber
    /// End-systolic volume in ml.
    public let endSystolic: MeasuredNumber
    /// Ejection fraction in percent: `100 (EDV - ESV) / EDV`.
    public let ejectionFraction: MeasuredNumber

    /// Stroke volume in ml.
    public var strokeVolume: Double { endDiastolic.value - endSystolic.value }

    /// Computes the volumes of one plane.
    ///
    /// - Parameters:
    ///   - view: the view.
    ///   - convention: with `camus`, end systole has the height of end diastole where that is longer.
    public init(singlePlane view: View, convention: DiskConvention = .disks) {
        self.init(biplane: view, view, convention: convention)
    }

    /// Computes the volumes of two perpendicular planes.
    ///
    /// - Parameters:
    ///   - first: one view, for example four chambers.
    ///   - second: the other view.
    ///   - convention: whether all volumes have the height of the longest axis.
    public init(biplane first: View, _ second: View, convention: DiskConvention = .disks) {
        let all = [first.endDiastole, first.endSystole, second.endDiastole, second.endSystole]
        let common = convention == .camus ? all.map(\.length).max() : nil
        let pixel = (first.pixel + second.pixel) / 2
        func volumes(_ margin: Double) -> (ed: Double, es: Double, ef: Double) {
            let ed = ApicalShape.volume(
                first.endDiastole, second.endDiastole, length: common, margin: margin)
            let es = ApicalShape.volume(
                first.endSystole, second.endSystole, length: common, margin: margin)
            return (ed, es, ed > 0 ? 100 * (ed - es) / ed : .nan)
        }
        // Both ends of a diameter move by half a pixel.
        let (found, small, large) = (volumes(0), volumes(-pixel), volumes(pixel))
        endDiastolic = MeasuredNumber(found.ed, smaller: small.ed, larger: large.ed)
        endSystolic = MeasuredNumber(found.es, smaller: small.es, larger: large.es)
        ejectionFraction = MeasuredNumber(found.ef, smaller: small.ef, larger: large.ef)
    }
}

/// The left atrium in one apical view.
public struct AtriumShape: Equatable, Sendable {
    /// The long axis, from the middle of the mitral plane to the farthest boundary point.
    public let axis: ApicalShape.Segment
    /// Area in mm².
    public let area: Double

    /// Finds the long axis; nil where the mask is empty or does not meet the ventricle.
    ///
    /// - Parameters:
    ///   - atrium: the left atrium; its largest part counts.
    ///   - ventricle: the left ventricle, of the same size.
    ///   - spacing: size of a pixel in mm.
    public init?(atrium: Mask, ventricle: Mask, spacing: PixelSpacing) {
        let mask = atrium.largestComponent().filled()
        let outline = Outline(mask, spacing: spacing)
        guard let base = outline.ends(facing: ventricle, spacing: spacing) else { return nil }
        axis = ApicalShape.Segment(start: base.middle, end: outline.farthest(from: base.middle))
        area = Double(mask.area) * spacing.x * spacing.y
        guard axis.length > 0 else { return nil }
    }

    /// Volume in ml by area and length in one plane: `8 A² / (3 π L)`.
    public var volume: Double { Self.volume(self, self) }

    /// Volume in ml by area and length in two planes: `8 A₁ A₂ / (3 π L)` with the shorter axis L.
    ///
    /// - Parameters:
    ///   - first: the atrium in one view.
    ///   - second: the atrium in the other view.
    /// - Returns: the volume in ml.
    public static func volume(_ first: AtriumShape, _ second: AtriumShape) -> Double {
        let length = min(first.axis.length, second.axis.length)
        return 8 * first.area * second.area / (3 * .pi * length) / 1000
    }
}
