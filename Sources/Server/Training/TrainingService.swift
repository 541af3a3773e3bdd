import FileIO
import Foundation
import Segmentation

/// Training for all protocols: the trainer, and the change to the trained model.
struct TrainingService: Sendable {
    /// Loads a bundle; nil loads the model that the server was started with.
    typealias Loading = @Sendable (_ bundle: String?) throws -> any SegmentationEngine

    let service: SegmentationService
    /// nil where no folder is served.
    let trainer: Trainer?
    /// nil where the server cannot change its model.
    let load: Loading?

    /// Reads what is known now.
    ///
    /// - Returns: the status.
    /// - Throws: ``RequestError`` with status 404 where no folder is served.
    func status() async throws -> TrainingStatus {
        let (trainer, annotations) = try parts()
        return try await Blocking.run {
            trainer.status(accepted: annotations.acceptedNames().count)
        }
    }

    /// Starts a training, or goes on with a stopped one.
    ///
    /// - Parameter options: what is trained; nil to go on.
    /// - Returns: the status afterwards.
    /// - Throws: ``RequestError``.
    func start(_ options: TrainingOptions?) async throws -> TrainingStatus {
        if let options {
            for (name, value, range) in [
                ("epochs", options.epochs, TrainingOptions.epochRange),
                ("minutes", options.minutes, TrainingOptions.minuteRange),
            ] where !range.contains(value) {
                throw RequestError.unprocessable(
                    "\(name) is \(value): a number from \(range.lowerBound) to "
                        + "\(range.upperBound) is needed")
            }
        }
        let (trainer, annotations) = try parts()
        let model = service.model
        try await Blocking.run {
            try trainer.start(
                options, accepted: annotations.acceptedNames().count)
        }
        service.audit?.append(action: "start of a training", model: model, version: service.version)
        return try await status()
    }

    /// Asks the running training to end.
    ///
    /// - Returns: the status afterwards.
    /// - Throws: ``RequestError`` where none runs.
    func stop() async throws -> TrainingStatus {
        try parts().trainer.stop()
        service.audit?.append(
            action: "stop of a training", model: service.model, version: service.version)
        return try await status()
    }

    /// Answers with another model from now on.
    ///
    /// - Parameter served: which one.
    /// - Returns: the status afterwards.
    /// - Throws: ``RequestError`` where it does not exist or cannot be loaded.
    func use(_ served: TrainingStatus.Served) async throws -> TrainingStatus {
        let (trainer, _) = try parts()
        guard let load else {
            throw RequestError(.notImplemented, "this server cannot change its model")
        }
        let bundle = try served == .trained ? trainer.bundle() : nil
        let engine = try await Blocking.run {
            do {
                return try load(bundle)
            } catch {
                ServerLog.failed("the model cannot be loaded", because: error)
                throw RequestError(
                    .internalServerError, "the model cannot be loaded; the former one goes on")
            }
        }
        await service.queue.replace(by: engine)
        trainer.serves(served)
        service.audit?.append(
            action: "change of the model", model: engine.model, version: service.version)
        return try await status()
    }

    private func parts() throws(RequestError) -> (trainer: Trainer, annotations: AnnotationStore) {
        guard let trainer, let annotations = service.annotations else {
            throw .notFound("this server has no folder with accepted masks: start it with --data")
        }
        return (trainer, annotations)
    }
}
