import DICOM
import FileIO
import Foundation
import Hummingbird
import Imaging
import Measurements

/// Masks of a DICOM image as a DICOM Segmentation object: `POST /v1/images/{id}/seg`.
struct SegmentationExport {
    private struct Body: KnownKeys {
        enum CodingKeys: CodingKey, CaseIterable { case segments, spacing, parameters, model }

        let segments: [Segment]
        var spacing: [Double]?
        var parameters: String?
        /// The model that made the masks; nil for the one that answers now.
        var model: AnnotationStore.Model?
    }

    private struct Segment: KnownKeys {
        enum CodingKeys: CodingKey, CaseIterable { case label, isAutomatic, masks }

        let label: String
        var isAutomatic: Bool?
        let masks: [FrameMask]
    }

    private struct FrameMask: KnownKeys {
        enum CodingKeys: CodingKey, CaseIterable { case frame, size, counts }

        let frame: Int
        let size: [Int]
        let counts: String
    }

    /// Largest size of the masks of a file, in bytes.
    private static let largestFile = 256 << 20

    let service: SegmentationService

    init(_ service: SegmentationService) {
        self.service = service
    }

    func add(to table: inout RouteTable) {
        table.add(.post, "/v1/images/{id}/seg", export)
    }

    @Sendable private func export(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let image = try await service.image(context)
        let (bytes, _) = try await object(request, image: image, context)
        var response = Response.data(bytes, type: "application/dicom")
        response.headers[.contentDisposition] = "attachment; filename=\"segmentation.dcm\""
        return response
    }

    /// The DICOM SEG of the masks of a request.
    ///
    /// - Returns: the file and its SOP Instance UID.
    /// - Throws: ``RequestError``, errors of reading the image.
    func object(
        _ request: Request, image: StoredImage, _ context: ServerContext
    ) async throws -> (file: [UInt8], instance: String) {
        let path: String
        switch (image.format, image.source) {
        case (.dicom, .file(let file)): path = file
        case (.dicom, .temporary(let file)): path = file.path
        default:
            throw RequestError.unprocessable(
                "DICOM SEG refers to a DICOM image; this one is of another format: save PNG or COCO"
            )
        }
        let body = try await JSON.decodeKnown(
            Body.self, from: request.bytes(context, service.limits))
        let service = service
        return try await Blocking.run {
            let result = try Self.result(body, image: image, path: path, service)
            var bytes: [UInt8] = []
            let written = try result.writeSegmentation { bytes += $0 }
            return (bytes, written.instance)
        }
    }

    private static func result(
        _ body: Body, image: StoredImage, path: String, _ service: SegmentationService
    ) throws -> DICOMResult {
        let segments = body.segments
        let masks = segments.reduce(0) { $0 + $1.masks.count }
        guard (1...AnnotationStore.maximumObjects).contains(segments.count),
            segments.allSatisfy({ !$0.masks.isEmpty })
        else {
            throw RequestError.unprocessable(
                "1 to \(AnnotationStore.maximumObjects) segments are needed, each with a mask")
        }
        guard masks * image.size.area / 8 <= largestFile else {
            throw RequestError(
                .contentTooLarge,
                "\(masks) masks of \(image.size) pixels are more than \(largestFile >> 20) MB")
        }
        let parameters = body.parameters ?? ""
        guard parameters.count <= 2000, isPlain(parameters),
            segments.allSatisfy({ (1...64).contains($0.label.count) && isPlain($0.label) })
        else {
            throw RequestError.unprocessable(
                "a label has 1 to 64 and parameters have at most 2000 visible characters")
        }
        if let model = body.model {
            guard (1...64).contains(model.name.count), isPlain(model.name),
                model.sha256.wholeMatch(of: #/[0-9a-f]{4,64}/#) != nil
            else {
                throw RequestError.unprocessable(
                    "a model has a name of 1 to 64 characters and a SHA-256")
            }
        }
        let spacing = try body.spacing.map { try SegmentRequest.spacing($0) }
        var entries: [DICOMResult.Entry] = []
        for (index, segment) in segments.enumerated() {
            var frames: Set<Int> = []
            for mask in segment.masks {
                try image.check(frame: mask.frame)
                guard mask.size == [image.size.height, image.size.width],
                    let runs = RunLength(compressed: mask.counts, size: image.size)
                else {
                    throw RequestError.unprocessable(
                        "a mask needs size [\(image.size.height), \(image.size.width)] and counts, "
                            + "COCO's compressed run lengths")
                }
                guard frames.insert(mask.frame).inserted else {
                    throw RequestError.unprocessable(
                        "'\(segment.label)' has two masks on frame \(mask.frame)")
                }
                entries.append(
                    .init(
                        segment: index, frame: mask.frame, mask: runs,
                        calibration: image.calibration(of: runs.mask().boundingBox, given: spacing))
                )
            }
        }
        return DICOMResult(
            source: try DICOMSource.read(path),
            segments: segments.map {
                .init(label: $0.label, isAutomatic: $0.isAutomatic ?? false)
            },
            entries: entries,
            origin: .init(
                version: service.version, model: body.model?.name ?? service.model.name,
                weightsSHA256: body.model?.sha256 ?? service.model.sha256,
                parameters: parameters.isEmpty ? "samus serve" : "samus serve: \(parameters)"))
    }

    private static func isPlain(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 && $0 != "\\" }
    }
}
