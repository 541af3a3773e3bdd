import FileIO
import Foundation
import Imaging

/// A DICOM image that results refer to: its patient, study and identity.
public struct DICOMSource: Sendable {
    /// The path.
    public let path: String
    /// What the file states about its image.
    public let image: DICOMImage
    /// SOP Class UID (0008,0016).
    let sopClass: String
    /// SOP Instance UID (0008,0018).
    let instance: String
    /// Series Instance UID (0020,000E).
    let series: String
    /// Study Instance UID (0020,000D).
    let study: String
    /// Values by tag, as the bytes of the file.
    private let values: [UInt32: [UInt8]]
    /// Uncompressed over compressed size, for an image that was compressed with loss.
    private let ratio: Double?
    /// How it was compressed, as Lossy Image Compression Method names it.
    private let method: String?

    /// Reads what a file states about patient, study and itself.
    ///
    /// - Parameter path: the file.
    /// - Returns: the source.
    /// - Throws: ``DICOMError``, also for a file without an image or without the UIDs that results
    ///   refer to.
    public static func read(_ path: String) throws(DICOMError) -> DICOMSource {
        let decoder = try DICOMDecoder(path, arguments: ["context"])
        guard let image = try decoder.description().image else { throw .noImage(name: path) }
        let context = try decoder.context()
        var values: [UInt32: [UInt8]] = [:]
        for (tag, value) in context.values {
            guard let tag = UInt32(tag, radix: 16) else { continue }
            // A character stands for a byte. Escape sequences switch character sets.
            values[tag] = value.unicodeScalars.compactMap {
                let byte = UInt8(truncatingIfNeeded: $0.value)
                return byte >= 32 && byte != 127 || byte == 0x1B ? byte : nil
            }
        }
        func uid(_ attribute: DICOMAttribute, _ name: String) throws(DICOMError) -> String {
            let text = String(decoding: values[attribute.tag] ?? [], as: UTF8.self)
            guard DICOMUID.isValid(text) else { throw .noIdentity(name: path, attribute: name) }
            return text
        }
        return DICOMSource(
            path: path, image: image, sopClass: try uid(.sopClass, "SOP Class UID"),
            instance: try uid(.sopInstance, "SOP Instance UID"),
            series: try uid(.seriesInstance, "Series Instance UID"),
            study: try uid(.studyInstance, "Study Instance UID"), values: values,
            ratio: context.ratio, method: context.method)
    }

    /// A hash of the patient's ID, or of the study where there is none: images of one patient have the
    /// same.
    ///
    /// It is no protection of a short ID, which can be found by trying: it keeps patients apart, in
    /// data that have the images anyway.
    public var patientHash: String {
        let id = values[DICOMAttribute.patientID.tag] ?? []
        return String(SHA256.hexDigest(of: id.isEmpty ? Array(study.utf8) : id).prefix(16))
    }

    /// Whether results may contain all characters; otherwise only ASCII, which is a part of every
    /// character set, because texts of the file are repeated as they are.
    private var isUnicode: Bool {
        value(.specificCharacterSet) == "ISO_IR 192"
            || Self.repeated.allSatisfy { attribute in
                values[attribute.tag]?.allSatisfy { $0 < 128 && $0 != 27 } ?? true
            }
    }

    /// A text of this program or its user in characters that results of this source may contain.
    func text(_ text: String) -> String {
        guard !isUnicode else { return text }
        let plain = text.unicodeScalars.map { $0.isASCII ? $0 : "?" }
        return String(String.UnicodeScalarView(plain))
    }

    /// A whole number; nil where there is none.
    func number(_ attribute: DICOMAttribute) -> Int? { value(attribute).flatMap { Int($0) } }

    /// A text without padding; nil where it is absent or empty.
    private func value(_ attribute: DICOMAttribute) -> String? {
        let text = String(decoding: values[attribute.tag] ?? [], as: UTF8.self)
            .trimmingCharacters(in: .whitespaces)
        return text.isEmpty ? nil : text
    }

    /// Attributes of type 2: empty where the source has none.
    private static let required: [DICOMAttribute] = [
        .studyDate, .studyTime, .accessionNumber, .referringPhysician, .studyID, .patientName,
        .patientID, .patientBirthDate, .patientSex,
    ]

    private static let repeated =
        required + [
            .studyDescription, .issuerOfPatientID, .patientAge, .patientSize, .patientWeight,
            .trialSponsor, .trialProtocolID, .trialProtocolName, .trialSiteID, .trialSiteName,
            .trialSubjectID, .patientIdentityRemoved, .deidentificationMethod,
            .longitudinalTimesModified,
        ]

    /// The attributes of patient and study, as in the source.
    var patientAndStudy: DICOMDataSet {
        var data = DICOMDataSet()
        for attribute in Self.required { data.setEmpty(attribute) }
        for attribute in Self.repeated {
            if let bytes = values[attribute.tag], !bytes.isEmpty {
                data.set(attribute, bytes: bytes)
            }
        }
        if value(.patientIdentityRemoved) == "YES", value(.deidentificationMethod) == nil {
            data.set(.deidentificationMethod, "see the source image")
        }
        if isUnicode {
            data.set(.specificCharacterSet, "ISO_IR 192")
        } else if let names = values[DICOMAttribute.specificCharacterSet.tag] {
            data.set(.specificCharacterSet, bytes: names)
        }
        data.set(.studyInstance, study)
        return data
    }

    /// States whether the pixels were compressed with loss.
    func addLossyCompression(to data: inout DICOMDataSet) {
        guard value(.lossyCompression) == "01" || ratio != nil else {
            // An image that was compressed with loss must say so.
            data.set(.lossyCompression, "00")
            return
        }
        data.set(.lossyCompression, "01")
        if let found = values[DICOMAttribute.lossyCompressionRatio.tag], !found.isEmpty {
            data.set(.lossyCompressionRatio, bytes: found)
        } else if let ratio {
            data.set(.lossyCompressionRatio, String(format: "%.2f", ratio))
        }
        if let found = values[DICOMAttribute.lossyCompressionMethod.tag], !found.isEmpty {
            data.set(.lossyCompressionMethod, bytes: found)
        } else if let method {
            data.set(.lossyCompressionMethod, method)
        }
    }

    /// The item that refers to this image, or with `frame` to a frame of it, from 1.
    func reference(frame: Int? = nil) -> DICOMDataSet {
        var item = DICOMDataSet()
        item.set(.referencedSOPClass, sopClass)
        item.set(.referencedSOPInstance, instance)
        if let frame, image.frames > 1 { item.set(.referencedFrame, "\(frame)") }
        return item
    }
}

/// What `samus-dicom context` writes: values by tag, and the compression ratio.
struct DICOMContext: Decodable {
    var values: [String: String] = [:]
    var ratio: Double?
    var method: String?

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for key in container.allKeys {
            if key.stringValue == "ratio" {
                ratio = try container.decode(Double.self, forKey: key)
            } else if key.stringValue == "method" {
                method = try container.decode(String.self, forKey: key)
            } else {
                values[key.stringValue] = try container.decode(String.self, forKey: key)
            }
        }
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
