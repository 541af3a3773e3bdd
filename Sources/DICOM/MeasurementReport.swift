import Foundation
import Imaging

extension DICOMResult {
    private static let reportClass = "1.2.840.10008.5.1.4.1.1.88.33"

    /// Makes a measurement report (Comprehensive SR, PS3.16 TID 1500).
    ///
    /// Each mask has a measurement group, which refers to the frame and, if there is one, to the
    /// frame of the Segmentation object. Where the size of a pixel is not known, or the mask is empty,
    /// the group has a comment with the reason instead of numbers.
    ///
    /// - Parameters:
    ///   - segmentation: the Segmentation object of the same masks.
    ///   - date: when the report is made.
    /// - Returns: the file.
    public func measurementReport(
        of segmentation: DICOMSegmentation?, date: Date = Date()
    ) -> [UInt8] {
        var data = header(
            sopClass: Self.reportClass, modality: "SR", series: series("SR"), seriesOffset: 2000)
        data.set(.referencedPerformedStep, items: [])
        data.set(.performedProcedureCode, items: [])
        data.set(.completionFlag, "COMPLETE")
        data.set(.verificationFlag, "UNVERIFIED")
        data.set(.preliminaryFlag, "PRELIMINARY")
        data.set(.evidence, items: [evidence(segmentation)])
        data.add(reportContent(segmentation))
        let uid = identify(&data, with: [], date: date)
        return data.encodedFile(sopClass: Self.reportClass, instance: uid)
    }

    /// All objects that the report refers to.
    private func evidence(_ segmentation: DICOMSegmentation?) -> DICOMDataSet {
        func item(series: String, _ reference: DICOMDataSet) -> DICOMDataSet {
            var item = DICOMDataSet()
            item.set(.seriesInstance, series)
            item.set(.referencedSOPs, items: [reference])
            return item
        }
        var study = DICOMDataSet()
        study.set(.studyInstance, source.study)
        study.set(
            .referencedSeries,
            items: [item(series: source.series, source.reference())]
                + (segmentation.map { [item(series: $0.series, $0.reference())] } ?? []))
        return study
    }

    private func reportContent(_ segmentation: DICOMSegmentation?) -> DICOMDataSet {
        let language = ContentItem.code(
            DICOMCode("121049", "DCM", "Language of Content Item and Descendants"),
            DICOMCode("en", "RFC5646", "English"), .hasConceptModifier)
        let observer: [DICOMDataSet] = [
            ContentItem.code(
                DICOMCode("121005", "DCM", "Observer Type"), DICOMCode("121007", "DCM", "Device"),
                .hasObservationContext),
            ContentItem.uid(
                DICOMCode("121012", "DCM", "Device Observer UID"),
                DICOMUID.derived(from: "model \(origin.weightsSHA256) \(origin.version)"),
                .hasObservationContext),
            ContentItem.text(
                DICOMCode("121013", "DCM", "Device Observer Name"), "samus segment",
                .hasObservationContext),
            ContentItem.text(
                DICOMCode("121014", "DCM", "Device Observer Manufacturer"), "SAMUS for Swift",
                .hasObservationContext),
            ContentItem.text(
                DICOMCode("121015", "DCM", "Device Observer Model Name"),
                source.text("\(origin.model), weights SHA-256 \(origin.weightsSHA256)"),
                .hasObservationContext),
        ]
        let procedure = ContentItem.code(
            DICOMCode("121058", "DCM", "Procedure reported"),
            DICOMCode("16310003", "SCT", "Diagnostic ultrasonography"), .hasConceptModifier)
        let notice = ContentItem.text(
            DICOMCode("121106", "DCM", "Comment"), ResearchNotice.text, .contains)
        let groups = entries.indices.map { group($0, segmentation) }
        let measurements = ContentItem.container(
            DICOMCode("126010", "DCM", "Imaging Measurements"), .contains, groups)
        return ContentItem.container(
            DICOMCode("126000", "DCM", "Imaging Measurement Report"), nil,
            [language] + observer + [procedure, measurements, notice], template: "1500")
    }

    /// The measurements of one mask: TID 1410 with a Segmentation object, TID 1501 without.
    private func group(_ index: Int, _ segmentation: DICOMSegmentation?) -> DICOMDataSet {
        let entry = entries[index]
        let label = label(entry.segment)
        let image = source.reference(frame: entry.frame)
        var items = [
            ContentItem.text(
                DICOMCode("112039", "DCM", "Tracking Identifier"), label, .hasObservationContext),
            ContentItem.uid(
                DICOMCode("112040", "DCM", "Tracking Unique Identifier"),
                trackingUID(entry.segment), .hasObservationContext),
            ContentItem.code(
                DICOMCode("121071", "DCM", "Finding"),
                Self.property(of: segments[entry.segment].label).type, .contains),
        ]
        if let segmentation {
            items += [
                // A frame of the object has one segment: its number beside it is not allowed.
                ContentItem.image(
                    DICOMCode("121214", "DCM", "Referenced Segmentation Frame"),
                    segmentation.reference(frame: index + 1), .contains),
                ContentItem.image(
                    DICOMCode("121233", "DCM", "Source image for segmentation"), image, .contains),
            ]
        } else {
            items.append(
                ContentItem.image(
                    DICOMCode("121112", "DCM", "Source of Measurement"), image, .contains))
        }
        items += algorithm
        items += entry.measurements.map(\.contentItem)
        items += comments(on: entry).map {
            ContentItem.text(DICOMCode("121106", "DCM", "Comment"), source.text($0), .contains)
        }
        return ContentItem.container(
            DICOMCode("125007", "DCM", "Measurement Group"), .contains, items,
            template: segmentation == nil ? "1501" : "1410")
    }

    private var algorithm: [DICOMDataSet] {
        [
            ContentItem.text(
                DICOMCode("111001", "DCM", "Algorithm Name"), source.text("SAMUS \(origin.model)"),
                .hasConceptModifier),
            ContentItem.text(
                DICOMCode("111003", "DCM", "Algorithm Version"), origin.version,
                .hasConceptModifier),
            ContentItem.text(
                DICOMCode("111002", "DCM", "Algorithm Parameters"),
                source.text(origin.parameters), .hasConceptModifier),
        ]
    }

    private func comments(on entry: Entry) -> [String] {
        let measured: String
        if entry.isEmpty {
            measured = "not measured: nothing was found"
        } else if let spacing = entry.calibration.spacing {
            let source = entry.calibration.source.map { " (\($0))" } ?? ""
            measured = "1 pixel is \(decimal(spacing.x)) x \(decimal(spacing.y)) mm\(source)"
        } else {
            measured = "not measured: no mm, because " + (entry.calibration.reason ?? "")
        }
        return [measured] + entry.notes
    }
}

extension DICOMResult.Measurement {
    fileprivate var contentItem: DICOMDataSet {
        let name =
            switch kind {
            case .area: DICOMCode("42798000", "SCT", "Area")
            case .longAxis: DICOMCode("103339001", "SCT", "Long Axis")
            case .shortAxis: DICOMCode("103340004", "SCT", "Short Axis")
            case .perimeter: DICOMCode("131191004", "SCT", "Perimeter")
            case .headCircumference: DICOMCode("11984-2", "LN", "Head Circumference")
            }
        return ContentItem.number(name, value, unit: kind == .area ? "mm2" : "mm")
    }
}

/// Content items of structured reports (PS3.3 C.17.3).
private enum ContentItem {
    enum Relationship: String {
        case contains = "CONTAINS"
        case hasConceptModifier = "HAS CONCEPT MOD"
        case hasObservationContext = "HAS OBS CONTEXT"
    }

    static func container(
        _ name: DICOMCode, _ relationship: Relationship?, _ items: [DICOMDataSet],
        template: String? = nil
    ) -> DICOMDataSet {
        var item = start("CONTAINER", name, relationship)
        item.set(.continuityOfContent, "SEPARATE")
        if let template {
            var identification = DICOMDataSet()
            identification.set(.mappingResource, "DCMR")
            identification.set(.mappingResourceUID, "1.2.840.10008.8.1.1")
            identification.set(.templateIdentifier, template)
            item.set(.contentTemplate, items: [identification])
        }
        item.set(.content, items: items)
        return item
    }

    static func code(
        _ name: DICOMCode, _ value: DICOMCode, _ relationship: Relationship
    ) -> DICOMDataSet {
        var item = start("CODE", name, relationship)
        item.set(.conceptCode, items: [value.item])
        return item
    }

    static func text(
        _ name: DICOMCode, _ value: String, _ relationship: Relationship
    ) -> DICOMDataSet {
        var item = start("TEXT", name, relationship)
        item.set(.textValue, value)
        return item
    }

    static func uid(
        _ name: DICOMCode, _ value: String, _ relationship: Relationship
    ) -> DICOMDataSet {
        var item = start("UIDREF", name, relationship)
        item.set(.contentUID, value)
        return item
    }

    static func image(
        _ name: DICOMCode, _ reference: DICOMDataSet, _ relationship: Relationship
    ) -> DICOMDataSet {
        var item = start("IMAGE", name, relationship)
        item.set(.referencedSOPs, items: [reference])
        return item
    }

    /// A number with a unit of UCUM.
    static func number(_ name: DICOMCode, _ value: Double, unit: String) -> DICOMDataSet {
        var measured = DICOMDataSet()
        measured.set(.numericValue, decimal(value))
        measured.set(.floatingPointValue, double: value)
        measured.set(.measurementUnits, items: [DICOMCode(unit, "UCUM", unit).item])
        var item = start("NUM", name, .contains)
        item.set(.measuredValue, items: [measured])
        return item
    }

    private static func start(
        _ valueType: String, _ name: DICOMCode, _ relationship: Relationship?
    ) -> DICOMDataSet {
        var item = DICOMDataSet()
        if let relationship { item.set(.relationshipType, relationship.rawValue) }
        item.set(.valueType, valueType)
        item.set(.conceptName, items: [name.item])
        return item
    }
}
