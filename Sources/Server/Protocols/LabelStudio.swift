import FileIO
import Foundation
import HTTPTypes
import Hummingbird
import Imaging
import Segmentation

/// The protocol of Label Studio's ML backends: `/predict`, `/setup`, `/webhook`.
///
/// The image of a task is a `data:` URL, or the path of an image below the served folder: this
/// server opens no addresses of other servers.
struct LabelStudio {
    let service: SegmentationService

    func add(to table: inout RouteTable) {
        table.add(.post, "/setup", setup)
        table.add(.post, "/webhook", webhook)
        table.add(.post, "/predict", predict)
    }

    @Sendable private func setup(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        _ = try await request.bytes(context, service.limits)
        return try .json(["model_version": version])
    }

    @Sendable private func webhook(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        _ = try await request.bytes(context, service.limits)
        return try .json([String: String](), status: .created)
    }

    private var version: String { "\(service.model.name) \(service.model.sha256.prefix(12))" }

    private struct Body: Decodable {
        struct Task: Decodable {
            let data: [String: Value]
        }

        /// The value of a task's field; only texts matter.
        struct Value: Decodable {
            let text: String?

            init(from decoder: any Decoder) throws {
                text = try? decoder.singleValueContainer().decode(String.self)
            }
        }

        struct Parameters: Decodable {
            var context: Context?
        }

        struct Context: Decodable {
            var result: [Region]?
        }

        struct Region: Decodable {
            struct Value: Decodable {
                var x: Double?
                var y: Double?
                var width: Double?
                var height: Double?
                var keypointlabels: [String]?
                var rectanglelabels: [String]?
            }
            let type: String
            let value: Value
            var isPositive: Positive?
        }

        /// 0, 1, true or false.
        struct Positive: Decodable {
            let isPositive: Bool

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let flag = try? container.decode(Bool.self) {
                    isPositive = flag
                } else {
                    isPositive = try container.decode(Int.self) != 0
                }
            }
        }

        let tasks: [Task]
        var labelConfig: String?
        var params: Parameters?
    }

    private struct Answer: Encodable {
        struct Prediction: Encodable {
            let result: [Region]
            let modelVersion: String
            let score: Float
        }

        struct Region: Encodable {
            struct Value: Encodable {
                var format: String?
                var rle: [UInt8]?
                var brushlabels: [String]?
                var points: [[Double]]?
                var polygonlabels: [String]?
            }
            let id: String
            let fromName: String
            let toName: String
            let originalWidth: Int
            let originalHeight: Int
            let imageRotation = 0
            let type: String
            let value: Value
            let score: Float
        }

        let results: [Prediction]
        let modelVersion: String
    }

    @Sendable private func predict(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let body = try await JSON.decode(Body.self, from: request.bytes(context, service.limits))
        guard body.tasks.count <= 32 else {
            throw RequestError.unprocessable(
                "the request has \(body.tasks.count) tasks; at most 32 are read")
        }
        let target = LabelTarget(body.labelConfig ?? "")
        let regions = body.params?.context?.result ?? []
        var results: [Answer.Prediction] = []
        for task in body.tasks {
            results.append(try await prediction(task, regions, target, context))
        }
        return try .json(Answer(results: results, modelVersion: version))
    }

    private func prediction(
        _ task: Body.Task, _ regions: [Body.Region], _ target: LabelTarget, _ context: ServerContext
    ) async throws -> Answer.Prediction {
        // Without a click there is nothing to do yet, except for a prompt-free model.
        let isPromptFree = service.model.architecture.isPromptFree
        guard isPromptFree || !regions.isEmpty else {
            return .init(result: [], modelVersion: version, score: 0)
        }
        let image = try await image(task, key: target.imageKey)
        let (prompt, label) = prompt(regions, size: image.size)
        let answer = try await service.segment(
            image,
            .init(prompt: isPromptFree ? nil : prompt, label: label, action: "POST /predict"),
            for: context.client)
        let result = answer.masks[0]
        guard !result.mask.isEmpty else {
            return .init(result: [], modelVersion: version, score: 0)
        }
        var value = Answer.Region.Value()
        if target.isBrush {
            value.format = "rle"
            value.rle = LabelStudioRunLengths.encoded(result.mask)
            value.brushlabels = [label]
        } else {
            let scale = (100 / Double(image.size.width), 100 / Double(image.size.height))
            value.points = result.mask.outline(tolerance: 0.001).map {
                [$0[0] * scale.0, $0[1] * scale.1]
            }
            value.polygonlabels = [label]
        }
        let region = Answer.Region(
            id: String(UUID().uuidString.lowercased().prefix(8)), fromName: target.fromName,
            toName: target.toName, originalWidth: image.size.width,
            originalHeight: image.size.height,
            type: target.isBrush ? "brushlabels" : "polygonlabels", value: value,
            score: result.iouEstimate)
        return .init(result: [region], modelVersion: version, score: result.iouEstimate)
    }

    private func prompt(
        _ regions: [Body.Region], size: Size
    ) -> (prompt: Prompt, label: String) {
        var prompt = Prompt(clicks: [])
        var label = "object"
        let (width, height) = (Double(size.width) / 100, Double(size.height) / 100)
        for region in regions {
            guard let x = region.value.x, let y = region.value.y else { continue }
            switch region.type {
            case "keypointlabels":
                prompt.clicks.append(
                    PromptClick(
                        PixelPoint(
                            x: min(x * width, Double(size.width) - 1),
                            y: min(y * height, Double(size.height) - 1)),
                        isForeground: region.isPositive?.isPositive ?? true))
                label = region.value.keypointlabels?.first ?? label
            case "rectanglelabels":
                prompt.box = PixelRectangle(
                    x0: x * width, y0: y * height, x1: (x + (region.value.width ?? 0)) * width,
                    y1: (y + (region.value.height ?? 0)) * height)
                label = region.value.rectanglelabels?.first ?? label
            default: continue
            }
        }
        return (prompt, label)
    }

    private func image(_ task: Body.Task, key: String?) async throws -> StoredImage {
        let texts =
            key.flatMap { task.data[$0]?.text }.map { [$0] }
            ?? task.data.sorted { $0.key < $1.key }.compactMap(\.value.text)
        let store = service.store
        for text in texts {
            if text.hasPrefix("data:") {
                let bytes = try SegmentRequest.decoded(text)
                return try await Blocking.run { try store.image(bytes) }
            }
            // `/data/local-files/?d=folder/a.png`: compared with the names of the served folder.
            let path = text.split(separator: "?d=").last.map(String.init) ?? text
            let name = (path.removingPercentEncoding ?? path).trimmingPrefix("/")
            if let file = try await store.files().first(where: { $0.name == name }) {
                return try await service.image(id: file.id)
            }
        }
        throw RequestError.unprocessable(
            "the task has no image that this server can read: a data: URL, or "
                + "/data/local-files/?d=NAME with the name of an image of the served folder")
    }
}

/// The control tag of a labelling configuration that takes masks.
struct LabelTarget: Equatable {
    var fromName = "tag"
    var toName = "image"
    var isBrush = true
    /// The key of the task's data that has the image.
    var imageKey: String?

    /// - Parameter configuration: XML, of which only two tags are read.
    init(_ configuration: String) {
        let text = String(configuration.prefix(100_000))
        func attribute(_ name: String, of tag: String) -> String? {
            guard let start = text.range(of: "<\(tag)"),
                let end = text.range(of: ">", range: start.upperBound..<text.endIndex),
                let key = text.range(
                    of: " \(name)=\"", range: start.upperBound..<end.lowerBound),
                let close = text.range(of: "\"", range: key.upperBound..<end.lowerBound)
            else { return nil }
            return String(text[key.upperBound..<close.lowerBound])
        }
        imageKey = attribute("value", of: "Image").map { String($0.drop { $0 == "$" }) }
        for (tag, isBrush) in [("BrushLabels", true), ("PolygonLabels", false)] {
            guard let name = attribute("name", of: tag) else { continue }
            self.isBrush = isBrush
            fromName = name
            toName = attribute("toName", of: tag) ?? toName
            return
        }
    }
}

/// Label Studio's run lengths of a mask: bits of the four channels of each pixel.
enum LabelStudioRunLengths {
    /// Encodes a mask.
    ///
    /// The stream begins with the number of values (32 bits), the bits of a value less 1 (5 bits)
    /// and four lengths less 1 (4 bits each). Then come runs: the bit 1, which of the lengths
    /// (2 bits), the number of values less 1 in so many bits, and the value.
    static func encoded(_ mask: Mask) -> [UInt8] {
        var bits = BitWriter()
        let lengths = [3, 4, 8, 16]
        bits.write(4 * mask.values.count, count: 32)
        bits.write(7, count: 5)
        for length in lengths { bits.write(length - 1, count: 4) }
        var start = 0
        while start < mask.values.count {
            var end = start
            while end < mask.values.count, mask.values[end] == mask.values[start] { end += 1 }
            var left = 4 * (end - start)
            while left > 0 {
                let run = min(left, 1 << 16)
                let index = lengths.firstIndex { run <= 1 << $0 } ?? 3
                bits.write(1, count: 1)
                bits.write(index, count: 2)
                bits.write(run - 1, count: lengths[index])
                bits.write(mask.values[start] == 0 ? 0 : 255, count: 8)
                left -= run
            }
            start = end
        }
        return bits.bytes
    }

    private struct BitWriter {
        private(set) var bytes: [UInt8] = []
        private var used = 8

        mutating func write(_ value: Int, count: Int) {
            for shift in (0..<count).reversed() {
                if used == 8 {
                    bytes.append(0)
                    used = 0
                }
                let bit = UInt8(truncatingIfNeeded: value >> shift) & 1
                bytes[bytes.count - 1] |= bit << UInt8(7 - used)
                used += 1
            }
        }
    }
}
