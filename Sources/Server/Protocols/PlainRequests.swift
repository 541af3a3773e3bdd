import FileIO
import Foundation
import Hummingbird
import Imaging
import Segmentation

/// The body of `POST /v1/segment` and `POST /v1/images/{id}/segment`, as JSON or as a form.
struct SegmentRequest: Sendable {
    /// How the mask is returned.
    enum MaskFormat: String, Decodable, Sendable, CaseIterable {
        /// A grey PNG: 255 inside, 0 outside.
        case png
        /// COCO's compressed run lengths.
        case rle
        case none
    }

    /// The image file; nil where the path names an image.
    var image: [UInt8]?
    var question: SegmentationService.Question
    var maskFormat: MaskFormat
}

extension SegmentRequest {
    /// A click of a request.
    struct Click: KnownKeys {
        enum CodingKeys: CodingKey, CaseIterable { case x, y, foreground }

        let x: Double
        let y: Double
        var foreground: Bool?

        var promptClick: PromptClick {
            PromptClick(PixelPoint(x: x, y: y), isForeground: foreground ?? true)
        }
    }

    private struct Body: KnownKeys {
        enum CodingKeys: CodingKey, CaseIterable {
            case image, frame, clicks, box, maskInput, promptFree, candidates, minimumPresence
            case spacing, label, mask, clientId
        }

        struct RunLengths: KnownKeys {
            enum CodingKeys: CodingKey, CaseIterable { case size, counts }

            let size: [Int]
            let counts: String
        }

        var image: String?
        var frame: Int?
        var clicks: [Click]?
        var box: [Double]?
        var maskInput: RunLengths?
        var promptFree: Bool?
        var candidates: Bool?
        var minimumPresence: Double?
        var spacing: [Double]?
        var label: String?
        var mask: MaskFormat?
        var clientId: String?
    }

    /// Parses a request.
    ///
    /// - Parameters:
    ///   - body: the bytes.
    ///   - contentType: `application/json` or `multipart/form-data`.
    ///   - action: the name of the route in the audit log.
    /// - Throws: ``RequestError``, `JSONError`.
    init(_ body: [UInt8], contentType: String?, action: String) throws {
        let type = (contentType ?? "application/json").lowercased()
        if type.hasPrefix("multipart/form-data") {
            try self.init(MultipartForm(body, contentType: contentType ?? ""), action: action)
        } else if type.hasPrefix("application/json") {
            try self.init(JSON.decodeKnown(Body.self, from: body), action: action)
        } else {
            throw RequestError(
                .unsupportedMediaType,
                "the Content-Type is '\(type.prefix(80))': application/json or multipart/form-data "
                    + "is needed")
        }
    }

    private init(_ body: Body, action: String) throws {
        image = try body.image.map { try Self.decoded($0) }
        maskFormat = body.mask ?? .png
        let clicks = (body.clicks ?? []).map(\.promptClick)
        question = try Self.question(
            clicks: clicks, box: body.box, isPromptFree: body.promptFree ?? false, action: action)
        question.prompt?.mask = try body.maskInput.map { try Self.mask($0) }
        if let frame = body.frame { question.frame = frame }
        question.candidates = body.candidates ?? false
        question.minimumPresence = try Self.presence(body.minimumPresence)
        question.spacing = try body.spacing.map { try Self.spacing($0) }
        question.label = body.label.map { String($0.prefix(200)) }
        question.clientName = body.clientId
    }

    /// The names of the parts of a form.
    private static let partNames: Set<String> = [
        "image", "mask", "point", "background_point", "box", "prompt_free", "frame", "candidates",
        "minimum_presence", "spacing", "label", "client_id",
    ]

    private init(_ form: MultipartForm, action: String) throws {
        if let part = form.parts.first(where: { !Self.partNames.contains($0.name) }) {
            throw RequestError.badRequest(
                "the part '\(part.name.prefix(40))' is not known; known are "
                    + Self.partNames.sorted().joined(separator: ", "))
        }
        image = form["image"].map { Array($0.content) }
        if let text = try form.texts("mask").first {
            guard let format = MaskFormat(rawValue: text) else {
                throw RequestError.badRequest(
                    "'\(text.prefix(40))' is no mask format: png, rle, none")
            }
            maskFormat = format
        } else {
            maskFormat = .png
        }
        var clicks: [PromptClick] = []
        for part in form.parts where part.name == "point" || part.name == "background_point" {
            let point = try Self.numbers(part.text ?? "", name: part.name, counts: [2])
            clicks.append(
                PromptClick(
                    PixelPoint(x: point[0], y: point[1]), isForeground: part.name == "point"))
        }
        func first(_ name: String, counts: Set<Int>) throws -> [Double]? {
            try form.texts(name).first.map { try Self.numbers($0, name: name, counts: counts) }
        }
        func flag(_ name: String) throws -> Bool {
            guard let text = try form.texts(name).first else { return false }
            guard ["true", "false"].contains(text) else {
                throw RequestError.badRequest(
                    "\(name) is '\(text.prefix(40))': true or false is needed")
            }
            return text == "true"
        }
        question = try Self.question(
            clicks: clicks, box: first("box", counts: [4]), isPromptFree: flag("prompt_free"),
            action: action)
        if let frame = try form.texts("frame").first {
            guard let number = Int(frame) else {
                throw RequestError.badRequest(
                    "the frame is '\(frame.prefix(40))': a number is needed")
            }
            question.frame = number
        }
        question.candidates = try flag("candidates")
        question.minimumPresence = try Self.presence(first("minimum_presence", counts: [1])?[0])
        question.spacing = try first("spacing", counts: [1, 2]).map { try Self.spacing($0) }
        question.label = try form.texts("label").first.map { String($0.prefix(200)) }
        question.clientName = try form.texts("client_id").first
    }

    private static func question(
        clicks: [PromptClick], box: [Double]?, isPromptFree: Bool, action: String
    ) throws(RequestError) -> SegmentationService.Question {
        let rectangle = try Self.box(box)
        guard !isPromptFree || clicks.isEmpty && box == nil else {
            throw .badRequest(
                "prompt_free is set, and the request has clicks or a box: leave out one")
        }
        return .init(
            prompt: isPromptFree ? nil : Prompt(clicks: clicks, box: rectangle), action: action)
    }

    /// A box as four numbers.
    static func box(_ numbers: [Double]?) throws(RequestError) -> PixelRectangle? {
        guard let numbers else { return nil }
        guard numbers.count == 4 else {
            throw .badRequest("the box has \(numbers.count) numbers; x0, y0, x1, y1 are needed")
        }
        return PixelRectangle(x0: numbers[0], y0: numbers[1], x1: numbers[2], y1: numbers[3])
    }

    private static func mask(_ runs: Body.RunLengths) throws(RequestError) -> Mask {
        guard runs.size.count == 2,
            let lengths = RunLength(
                compressed: runs.counts, size: Size(height: runs.size[0], width: runs.size[1]))
        else {
            throw .badRequest(
                "mask_input needs size [height, width] and counts, COCO's compressed run lengths")
        }
        return lengths.mask()
    }

    private static func presence(_ value: Double?) throws(RequestError) -> Double {
        guard let value else { return AnswerOptions.defaultMinimumPresence }
        guard (0...1).contains(value) else {
            throw .badRequest("minimum_presence is \(value); a number from 0 to 1 is needed")
        }
        return value
    }

    /// The size of a pixel, as one or two numbers.
    static func spacing(_ mm: [Double]) throws(RequestError) -> PixelSpacing {
        guard (1...2).contains(mm.count), mm.allSatisfy({ $0 > 0 && $0.isFinite }) else {
            throw .badRequest("spacing needs one or two positive numbers: width and height in mm")
        }
        return PixelSpacing(x: mm[0], y: mm[mm.count - 1])
    }

    private static func numbers(
        _ text: String, name: String, counts: Set<Int>
    ) throws(RequestError) -> [Double] {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Double($0.trimmingPrefix(" ")) }.filter(\.isFinite)
        guard numbers.count == parts.count, counts.contains(numbers.count) else {
            let needed = counts.sorted().map(String.init).joined(separator: " or ")
            throw .badRequest(
                "\(name) is '\(text.prefix(80))': \(needed) numbers separated by commas are needed")
        }
        return numbers
    }

    /// Decodes base64, with or without `data:image/png;base64,` before it.
    static func decoded(_ text: String) throws(RequestError) -> [UInt8] {
        var content = text[...]
        if content.hasPrefix("data:") {
            guard let comma = content.firstIndex(of: ",") else {
                throw .badRequest("the image is a data URL without a comma")
            }
            content = content[content.index(after: comma)...]
        }
        guard let data = Data(base64Encoded: String(content), options: .ignoreUnknownCharacters),
            !data.isEmpty
        else {
            throw .badRequest("the image is not base64")
        }
        return [UInt8](data)
    }
}
