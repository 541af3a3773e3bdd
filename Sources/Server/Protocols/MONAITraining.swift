import FileIO
import Foundation
import HTTPTypes
import Hummingbird
import Imaging

/// Training of MONAI Label: `/train`, which 3D Slicer's buttons *Train* and *Stop* call.
///
/// It trains on the masks that were accepted on the page, as `/v1/training` does. When it has ended, the
/// page offers the new model.
struct MONAITraining {
    /// A trainer as `/info` lists it.
    struct Trainer: Encodable {
        let type = "segmentation"
        let description: String
        let config: [String: Int]

        init(accepted: Int) {
            description =
                "Mask decoder on \(counted(accepted, "accepted image")); \(ResearchNotice.text)"
            let options = TrainingOptions()
            config = ["max_epochs": options.epochs, "minutes": options.minutes]
        }
    }

    /// The state of a training as 3D Slicer shows it.
    struct Stats: Encodable {
        let epoch: Int
        let maxEpochs: Int
        /// The best mean Dice of the validation.
        let bestMetric: Double

        /// - Returns: nil before the first epoch has ended.
        init?(_ status: TrainingStatus) {
            guard let epoch = status.epoch, let epochs = status.epochs else { return nil }
            self.epoch = epoch
            maxEpochs = epochs
            bestMetric = status.dice ?? 0
        }
    }

    /// A task of MONAI Label.
    private struct Answer: Encodable {
        let id = "training"
        let model = MONAILabel.modelName
        let status: String
        let details: [String]
        let trainStats: Stats?
        let notice = ResearchNotice.text

        init(_ status: TrainingStatus) {
            self.status =
                switch status.state {
                case .idle, .preparing: "SUBMITTED"
                case .running, .finishing: "RUNNING"
                case .finished: "DONE"
                case .failed: "ERROR"
                case .stopped: "STOPPED"
                }
            var lines = status.failure ?? []
            if let epoch = status.epoch, let epochs = status.epochs {
                let dice =
                    status.dice.map {
                        ", best validation Dice \($0.formatted(.number.precision(.fractionLength(4))))"
                    } ?? ""
                lines.append("epoch \(epoch) of \(epochs)\(dice)")
            }
            details = lines
            trainStats = Stats(status)
        }
    }

    /// The parameters of a training; unknown ones are ignored, as clients send many.
    private struct Parameters: Decodable {
        var maxEpochs: Int?
        var minutes: Int?
    }

    let training: TrainingService

    func add(to table: inout RouteTable) {
        table.add(.get, "/train", status)
        table.add(.delete, "/train", stop)
        table.add(.post, "/train", startAll)
        table.add(.post, "/train/{model}", start)
    }

    @Sendable private func status(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let status = try await training.status()
        let onlyRunning = request.uri.queryParameters["check_if_running"] == "true"
        guard status.state.isActive || !onlyRunning && status.state != .idle else {
            throw RequestError.notFound("no training is running")
        }
        return try .json(Answer(status))
    }

    /// All trainers, which 3D Slicer asks for by default: there is one.
    @Sendable private func startAll(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Started: Encodable {
            let result: Answer
        }
        return try .json([MONAILabel.modelName: Started(result: await started(request, context))])
    }

    @Sendable private func start(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        guard try context.id(of: "model") == MONAILabel.modelName else {
            throw RequestError.notFound("the model of this server is '\(MONAILabel.modelName)'")
        }
        return try .json(await started(request, context))
    }

    private func started(_ request: Request, _ context: ServerContext) async throws -> Answer {
        let bytes = try await request.bytes(context, training.service.limits)
        let given = try bytes.isEmpty ? Parameters() : JSON.decode(Parameters.self, from: bytes)
        var options = TrainingOptions()
        if let epochs = given.maxEpochs { options.epochs = epochs }
        if let minutes = given.minutes { options.minutes = minutes }
        return Answer(try await training.start(options))
    }

    @Sendable private func stop(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        _ = try await request.bytes(context, training.service.limits)
        return try .json(Answer(await training.stop()))
    }
}
