import FileIO
import Foundation
import Imaging

/// Objects that were segmented in frames of one DICOM image, to be written as DICOM objects.
public struct DICOMResult: Sendable {
    /// An object, on all frames.
    public struct Segment: Sendable {
        /// Its name.
        public var label: String
        /// Whether it was found without a prompt.
        public var isAutomatic: Bool

        /// - Parameters:
        ///   - label: its name.
        ///   - isAutomatic: whether it was found without a prompt.
        public init(label: String, isAutomatic: Bool) {
            self.label = label
            self.isAutomatic = isAutomatic
        }
    }

    /// The mask of one object on one frame.
    public struct Entry: Sendable {
        /// The index of the object in ``DICOMResult/segments``.
        public var segment: Int
        /// The number of the frame, from 1.
        public var frame: Int
        /// The mask; may be empty.
        public var mask: RunLength
        /// The size of a pixel in the mask.
        public var calibration: Calibration
        /// Measurements in mm and mm²; none where the size of a pixel is not known.
        public var measurements: [Measurement]
        /// What a reader of the mask and its measurements should know; in the report and in the
        /// comment of the segmentation's frame.
        public var notes: [String]
        /// Whether the model's confidence in the mask is low; the segment's description counts them.
        public var isUnsure: Bool

        /// - Parameters:
        ///   - segment: the index of the object.
        ///   - frame: the number of the frame, from 1.
        ///   - mask: the mask, of the size of the image.
        ///   - calibration: the size of a pixel in the mask.
        ///   - measurements: in mm and mm².
        ///   - notes: what a reader of the mask and its measurements should know.
        ///   - isUnsure: whether the model's confidence in the mask is low.
        public init(
            segment: Int, frame: Int, mask: RunLength, calibration: Calibration,
            measurements: [Measurement] = [], notes: [String] = [], isUnsure: Bool = false
        ) {
            self.segment = segment
            self.frame = frame
            self.mask = mask
            self.calibration = calibration
            self.measurements = measurements
            self.notes = notes
            self.isUnsure = isUnsure
        }

        var isEmpty: Bool { mask.counts.count < 2 }
    }

    /// A measured length or area.
    public struct Measurement: Equatable, Sendable {
        /// What is measured; a report has one code for each.
        public enum Kind: Sendable {
            case area, longAxis, shortAxis, perimeter, headCircumference
        }

        /// What is measured.
        public var kind: Kind
        /// The value in mm, or in mm² for the area.
        public var value: Double

        /// - Parameters:
        ///   - kind: what is measured.
        ///   - value: in mm, or in mm² for the area.
        public init(_ kind: Kind, _ value: Double) {
            self.kind = kind
            self.value = value
        }
    }

    /// What made the masks.
    public struct Origin: Sendable {
        /// The version of the program.
        public var version: String
        /// The name of the model.
        public var model: String
        /// The SHA-256 of its weights.
        public var weightsSHA256: String
        /// Prompts and settings, as a line of text.
        public var parameters: String

        /// - Parameters:
        ///   - version: of the program.
        ///   - model: name of the model.
        ///   - weightsSHA256: of its weights.
        ///   - parameters: prompts and settings, as a line of text.
        public init(
            version: String, model: String, weightsSHA256: String, parameters: String
        ) {
            self.version = version
            self.model = model
            self.weightsSHA256 = weightsSHA256
            self.parameters = parameters
        }
    }

    /// The image.
    public let source: DICOMSource
    /// The objects.
    public let segments: [Segment]
    /// The masks, by object and then by frame.
    public let entries: [Entry]
    /// What made the masks.
    public let origin: Origin

    /// - Parameters:
    ///   - source: the image.
    ///   - segments: the objects.
    ///   - entries: at least one mask; an object has at most one in each frame.
    ///   - origin: what made the masks.
    public init(source: DICOMSource, segments: [Segment], entries: [Entry], origin: Origin) {
        precondition(!entries.isEmpty, "a DICOM object without a mask")
        self.source = source
        self.segments = segments
        self.entries = entries.sorted { ($0.segment, $0.frame) < ($1.segment, $1.frame) }
        self.origin = origin
    }

    /// The attributes that all objects of this program have: patient, study, series, equipment.
    ///
    /// - Parameters:
    ///   - sopClass: the kind of object.
    ///   - modality: SEG or SR.
    ///   - series: the UID of the series.
    ///   - seriesOffset: added to the number of the source's series.
    /// - Returns: the attributes.
    func header(
        sopClass: String, modality: String, series: String, seriesOffset: Int
    ) -> DICOMDataSet {
        var data = source.patientAndStudy
        data.set(.sopClass, sopClass)
        data.set(.modality, modality)
        data.set(.seriesInstance, series)
        let number = min(max(source.number(.seriesNumber) ?? 0, 0), 1_000_000)
        data.set(.seriesNumber, "\(number + seriesOffset)")
        data.set(.instanceNumber, "\(max(source.number(.instanceNumber) ?? 1, 1))")
        data.set(
            .seriesDescription,
            modality == "SEG"
                ? "SAMUS segmentation, research use only"
                : "SAMUS measurements, research use only")
        data.set(.manufacturer, "SAMUS for Swift")
        data.set(.manufacturerModel, "samus segment")
        data.set(.deviceSerialNumber, origin.version)
        data.set(.softwareVersions, origin.version)
        return data
    }

    /// The UID of a series of results: the same for all images of a series and one model.
    func series(_ modality: String) -> String {
        DICOMUID.derived(
            from: "\(modality) \(source.series) \(origin.weightsSHA256) \(origin.version)")
    }

    /// The UID by which an object is followed through frames and results of one file.
    ///
    /// It depends on the prompts: "object 1" of another run may be another lesion.
    func trackingUID(_ segment: Int) -> String {
        DICOMUID.derived(
            from: "object \(source.instance) \(segment + 1) \(segments[segment].label) "
                + origin.parameters)
    }

    /// The label of an object in the characters of the source.
    func label(_ segment: Int) -> String { source.text(segments[segment].label) }

    /// Adds UID and times to complete attributes.
    ///
    /// The UID is computed from everything else, so that the same masks of the same image, model and
    /// prompts always get the same UID, and others get another.
    ///
    /// - Parameters:
    ///   - data: all other attributes.
    ///   - more: further content that distinguishes objects.
    ///   - date: when the object is made.
    /// - Returns: the UID.
    func identify(_ data: inout DICOMDataSet, with more: [RunLength], date: Date) -> String {
        var hash = SHA256()
        hash.update(data.encoded())
        for mask in more {
            hash.update(Array((mask.counts.map(String.init).joined(separator: " ") + ";").utf8))
        }
        let uid = DICOMUID.number(hash.hexDigest)
        let parts = Calendar(identifier: .gregorian).dateComponents(
            in: .current, from: date)
        let day = String(format: "%04d%02d%02d", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
        let time = String(
            format: "%02d%02d%02d", parts.hour ?? 0, parts.minute ?? 0, parts.second ?? 0)
        data.set(.sopInstance, uid)
        data.set(.instanceCreationDate, day)
        data.set(.instanceCreationTime, time)
        data.set(.contentDate, day)
        data.set(.contentTime, time)
        return uid
    }
}

extension DICOMResult {
    /// What an object is, by its label.
    ///
    /// - Returns: category (CID 7150) and type; tissue where the label is not known.
    static func property(of label: String) -> (category: DICOMCode, type: DICOMCode) {
        let tissue = DICOMCode("85756007", "SCT", "Tissue")
        let words = label.lowercased().replacing("_", with: " ").replacing("-", with: " ")
            .trimmingCharacters(in: .whitespaces)
        if let type = abnormal[words] {
            return (DICOMCode("49755003", "SCT", "Morphologically Abnormal Structure"), type)
        }
        if let type = anatomical[words] {
            return (DICOMCode("91723000", "SCT", "Anatomical Structure"), type)
        }
        return (tissue, tissue)
    }

    /// Whether a label means a head, whose circumference is measured.
    ///
    /// - Parameter label: the name of an object.
    /// - Returns: false where there is no label.
    public static func isHead(_ label: String?) -> Bool {
        label.map { property(of: $0).type.value == "69536005" } ?? false
    }

    private static let abnormal: [String: DICOMCode] = [
        "cyst": DICOMCode("367643001", "SCT", "Cyst"),
        "lesion": DICOMCode("52988006", "SCT", "Lesion"),
        "mass": DICOMCode("4147007", "SCT", "Mass"),
        "nodule": DICOMCode("27925004", "SCT", "Nodule"),
        "thyroid nodule": DICOMCode("237495005", "SCT", "Thyroid Nodule"),
        "tumor": DICOMCode("108369006", "SCT", "Neoplasm"),
        "tumour": DICOMCode("108369006", "SCT", "Neoplasm"),
    ]

    private static let anatomical: [String: DICOMCode] = [
        "breast": DICOMCode("76752008", "SCT", "Breast"),
        "carotid": DICOMCode("32062004", "SCT", "Common carotid artery"),
        "fetal head": DICOMCode("69536005", "SCT", "Head"),
        "head": DICOMCode("69536005", "SCT", "Head"),
        "kidney": DICOMCode("64033007", "SCT", "Kidney"),
        "left atrium": DICOMCode("82471001", "SCT", "Left atrium"),
        "left ventricle": DICOMCode("87878005", "SCT", "Left ventricle"),
        "liver": DICOMCode("10200004", "SCT", "Liver"),
        "lymph node": DICOMCode("59441001", "SCT", "Lymph Node"),
        "nerve": DICOMCode("91728009", "SCT", "Nerve"),
        "prostate": DICOMCode("41216001", "SCT", "Prostate"),
        "thyroid": DICOMCode("69748006", "SCT", "Thyroid"),
        "uterus": DICOMCode("35039007", "SCT", "Uterus"),
    ]
}
