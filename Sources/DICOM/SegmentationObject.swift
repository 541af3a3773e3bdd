import FileIO
import Foundation
import Imaging

/// A Segmentation object (DICOM SEG) that was written.
public struct DICOMSegmentation: Sendable {
    static let sopClass = "1.2.840.10008.5.1.4.1.1.66.4"

    /// SOP Instance UID.
    public let instance: String
    let series: String

    /// The item that refers to it, or with `frame` to a frame of it, from 1.
    func reference(frame: Int? = nil) -> DICOMDataSet {
        var item = DICOMDataSet()
        item.set(.referencedSOPClass, Self.sopClass)
        item.set(.referencedSOPInstance, instance)
        if let frame { item.set(.referencedFrame, "\(frame)") }
        return item
    }
}

extension DICOMResult {
    /// Writes the masks as a Segmentation object (PS3.3 A.51): binary, one frame for each mask.
    ///
    /// Frames refer to frames of the source, not to positions in space: ultrasound usually has no
    /// frame of reference. An empty mask is written as well, because it says that the frame was
    /// segmented and nothing was found.
    ///
    /// - Parameters:
    ///   - date: when the object is made.
    ///   - write: gets the bytes in order.
    /// - Returns: the identity of the object; its frames are in the order of ``entries``.
    /// - Throws: ``DICOMError/tooLarge(name:reason:)``, or what `write` throws.
    public func writeSegmentation(
        date: Date = Date(), _ write: ([UInt8]) throws -> Void
    ) throws -> DICOMSegmentation {
        let area = source.image.size.area
        let byteCount = (entries.count * area + 7) / 8
        guard byteCount <= Int(UInt32.max) - 16, segments.count <= Int(UInt16.max) else {
            throw DICOMError.tooLarge(
                name: source.path,
                reason: "\(entries.count) masks do not fit into one DICOM SEG")
        }
        let series = series("SEG")
        var data = segmentationHeader(series: series)
        let uid = identify(&data, with: entries.map(\.mask), date: date)
        try write(data.encodedFile(sopClass: DICOMSegmentation.sopClass, instance: uid))
        let even = byteCount + byteCount % 2
        try write(DICOMDataSet.header(tag: DICOMAttribute.pixelData.tag, .OB, byteCount: even))
        var bits = PackedBits()
        for entry in entries {
            bits.append(entry.mask.mask().values)
            try write(bits.takeBytes())
        }
        try write(bits.takeRest())
        if even > byteCount { try write([0]) }
        return DICOMSegmentation(instance: uid, series: series)
    }

    private func segmentationHeader(series: String) -> DICOMDataSet {
        var data = header(
            sopClass: DICOMSegmentation.sopClass, modality: "SEG", series: series,
            seriesOffset: 1000)
        data.set(.imageType, texts: ["DERIVED", "PRIMARY"])
        data.set(.contentQualification, "RESEARCH")
        data.setEmpty(.patientOrientation)
        data.set(.contentLabel, "SAMUS")
        data.set(.contentDescription, ResearchNotice.text)
        data.set(.contentCreator, "SAMUS^Software")

        data.set(.samplesPerPixel, 1)
        data.set(.photometricInterpretation, "MONOCHROME2")
        data.set(.numberOfFrames, "\(entries.count)")
        data.set(.rows, UInt16(source.image.height))
        data.set(.columns, UInt16(source.image.width))
        data.set(.bitsAllocated, 1)
        data.set(.bitsStored, 1)
        data.set(.highBit, 0)
        data.set(.pixelRepresentation, 0)
        data.set(.burnedInAnnotation, "NO")
        source.addLossyCompression(to: &data)

        data.set(.segmentationType, "BINARY")
        data.set(.segmentsOverlap, segmentsOverlap ? "YES" : "NO")
        data.set(.segments, items: segments.indices.map(segmentItem))

        var referenced = DICOMDataSet()
        referenced.set(.seriesInstance, source.series)
        referenced.set(.referencedInstances, items: [source.reference()])
        data.set(.referencedSeries, items: [referenced])
        addDimensions(to: &data)

        var shared = DICOMDataSet()
        if let spacing {
            var measures = DICOMDataSet()
            measures.set(.pixelSpacing, texts: [decimal(spacing.y), decimal(spacing.x)])
            // A 2D image has no thickness, but readers need one that is not 0.
            measures.set(.sliceThickness, "1")
            shared.set(.pixelMeasures, items: [measures])
        }
        data.set(.sharedFunctionalGroups, items: [shared])
        data.set(.perFrameFunctionalGroups, items: frameItems)
        return data
    }

    /// The size of a pixel, if it is the same in all masks.
    private var spacing: PixelSpacing? {
        let found = entries.filter { !$0.isEmpty }.map(\.calibration.spacing)
        guard let first = found.first, found.allSatisfy({ $0 == first }) else { return nil }
        return first
    }

    /// Whether two objects have a pixel in common.
    private var segmentsOverlap: Bool {
        guard segments.count > 1 else { return false }
        for masks in Dictionary(grouping: entries, by: \.frame).values where masks.count > 1 {
            var inside = [Bool](repeating: false, count: source.image.size.area)
            for entry in masks {
                for (index, value) in entry.mask.mask().values.enumerated() where value != 0 {
                    if inside[index] { return true }
                    inside[index] = true
                }
            }
        }
        return false
    }

    private func segmentItem(_ segment: Int) -> DICOMDataSet {
        let (category, type) = Self.property(of: segments[segment].label)
        var item = DICOMDataSet()
        item.set(.segmentNumber, UInt16(segment + 1))
        item.set(.segmentLabel, label(segment))
        item.set(.segmentDescription, description(of: segment))
        item.set(
            .segmentAlgorithmType, segments[segment].isAutomatic ? "AUTOMATIC" : "SEMIAUTOMATIC")
        item.set(.segmentAlgorithmName, source.text("SAMUS \(origin.model)"))
        item.set(.propertyCategory, items: [category.item])
        item.set(.propertyType, items: [type.item])
        item.set(.trackingID, label(segment))
        item.set(.trackingUID, trackingUID(segment))
        let colour = Self.colours[segment % Self.colours.count]
        item.set(.displayColour, colour.0, colour.1, colour.2)
        var algorithm = DICOMDataSet()
        algorithm.set(
            .algorithmFamily, items: [DICOMCode("123110", "DCM", "Artificial Intelligence").item])
        algorithm.set(.algorithmName, source.text("SAMUS \(origin.model)"))
        algorithm.set(.algorithmVersion, origin.version)
        algorithm.set(.algorithmParameters, source.text(origin.parameters))
        item.set(.segmentAlgorithmIdentification, items: [algorithm])
        return item
    }

    /// The notice, and how many masks of the object are of low confidence.
    private func description(of segment: Int) -> String {
        let masks = entries.filter { $0.segment == segment }
        let unsure = masks.count(where: \.isUnsure)
        guard unsure > 0 else { return ResearchNotice.text }
        let share = masks.count == 1 ? "" : " on \(unsure) of \(masks.count) frames"
        return "\(ResearchNotice.text); low confidence\(share): check the outline"
    }

    /// The colours of overlays (Okabe and Ito), as CIELab with white D50 in 16 bits (PS3.3 C.10.7.1.1).
    private static let colours: [(UInt16, UInt16, UInt16)] = [
        (45400, 28576, 23764), (46653, 38051, 52082), (40112, 42579, 30301), (58687, 30713, 52164),
        (37753, 21402, 36034), (35976, 44537, 49400), (29691, 30618, 22027),
    ]

    /// Frames are ordered by object and then by time.
    private func addDimensions(to data: inout DICOMDataSet) {
        let uid = DICOMUID.derived(from: "dimensions \(source.instance)")
        var organization = DICOMDataSet()
        organization.set(.dimensionOrganizationUID, uid)
        data.set(.dimensionOrganizations, items: [organization])
        let pairs: [(DICOMAttribute, DICOMAttribute)] = [
            (.referencedSegment, .segmentIdentification), (.temporalPosition, .frameContent),
        ]
        data.set(
            .dimensionIndices,
            items: pairs.map { index, group in
                var item = DICOMDataSet()
                item.set(.dimensionOrganizationUID, uid)
                item.set(.dimensionIndexPointer, tagOf: index)
                item.set(.functionalGroupPointer, tagOf: group)
                return item
            })
    }

    private var frameItems: [DICOMDataSet] {
        let frames = Set(entries.map(\.frame)).sorted()
        let positions = Dictionary(
            uniqueKeysWithValues: frames.enumerated().map { ($0.element, UInt32($0.offset + 1)) })
        return entries.map { entry in
            let position = positions[entry.frame] ?? 0
            var content = DICOMDataSet()
            // The index of a dimension must equal the position that it stands for.
            content.set(.dimensionIndexValues, long: [UInt32(entry.segment + 1), position])
            content.set(.temporalPosition, long: [position])
            if !entry.notes.isEmpty {
                let comment = entry.notes.joined(separator: "; ")
                content.set(.frameComments, String(source.text(comment).prefix(10_240)))
            }
            var identification = DICOMDataSet()
            identification.set(.referencedSegment, UInt16(entry.segment + 1))
            var image = source.reference(frame: entry.frame)
            image.set(
                .purposeOfReference,
                items: [
                    DICOMCode(
                        "121322", "DCM", "Source image for image processing operation"
                    ).item
                ])
            image.set(.spatialLocationsPreserved, "YES")
            var derivation = DICOMDataSet()
            derivation.set(
                .derivationCode, items: [DICOMCode("113076", "DCM", "Segmentation").item])
            derivation.set(.sourceImages, items: [image])
            var item = DICOMDataSet()
            item.set(.frameContent, items: [content])
            item.set(.segmentIdentification, items: [identification])
            item.set(.derivationImages, items: [derivation])
            return item
        }
    }
}

/// A number with at most 16 characters (DS).
func decimal(_ value: Double) -> String {
    for digits in stride(from: 12, through: 1, by: -1) {
        let text = String(format: "%.\(digits)g", value)
        if text.utf8.count <= 16 { return text }
    }
    return "0"
}

/// Bits in the order of pixels, the lowest bit of a byte first; frames follow each other without a
/// gap (PS3.5 8.1.1).
struct PackedBits {
    private var bytes: [UInt8] = []
    private var byte: UInt8 = 0
    private var count = 0

    /// Appends a bit for each value: 1 where it is not 0.
    mutating func append(_ values: [UInt8]) {
        for value in values {
            if value != 0 { byte |= 1 << UInt8(count) }
            count += 1
            if count == 8 {
                bytes.append(byte)
                (byte, count) = (0, 0)
            }
        }
    }

    /// The bytes that are complete; the bits of the last byte remain.
    mutating func takeBytes() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    /// The last byte, if there is one, filled up with 0.
    mutating func takeRest() -> [UInt8] {
        defer { (byte, count) = (0, 0) }
        return count == 0 ? [] : [byte]
    }
}
