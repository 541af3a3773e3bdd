import ArgumentParser
import Checkpoints
import Commands
import Datasets
import FileIO
import Imaging
import Inference
import Segmentation
import Torch
import Training

/// `samus train`: trains a network on images with masks.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train a network on images with masks.",
        usage: """
            samus train --data ROOT --recipe samus --from sam_vit_b_01ec64.pth
            samus train --data ROOT --recipe decoder --from litemedsam
            samus train --data ROOT --recipe full --network samus-lite --from litemedsam
            samus train --data ROOT --recipe full --network samus --width 192 --depth 12
            samus train --data ROOT --recipe full --network unet
            samus train --data ROOT --adapter lora --from litemedsam
            samus train --data ROOT --recipe adapter --network samed --from sam_vit_b_01ec64.pth
            samus train --resume RUN
            """,
        discussion: """
            ROOT has the US30K layout ('samus data check ROOT' checks it). Recipes: samus and \
            autosamus as their authors train them, decoder (prompt encoder and mask decoder on a \
            frozen image encoder), full (all weights), adapter (small layers in a frozen image encoder). \
            All but 'full' freeze weights and need --from.

            Each run has a folder, runs/train/exp, exp2, ..., with its options (args.yaml), \
            results.csv and .png, TensorBoard events, images, and weights/best.safetensors and \
            last.safetensors, which all other commands take. --resume continues a run that was \
            stopped, by Ctrl-C or otherwise; with --deterministic the result is the same bit for \
            bit as without the interruption.

            Several processes train together when RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT \
            are set, as by torchrun, Slurm and Kubernetes (Docs/DataParallel.md); --batch is then \
            the batch size of each process.

            Exit codes: 0 done, also by patience or time limit; 64 wrong arguments; 66 data are \
            missing or cannot be used; 69 weights do not fit, or the training failed; 73 results \
            cannot be written; 130 interrupted. Research use only, not a medical device.
            """)

    @OptionGroup(title: "Data") var data: TrainDataOptions
    @OptionGroup(title: "Network") var network: TrainNetworkOptions
    @OptionGroup(title: "Optimization") var steps: TrainStepOptions
    @OptionGroup(title: "Run") var folder: TrainFolderOptions
    @OptionGroup(title: "Run") var course: TrainRunOptions

    /// The training options that were given, by their keys in `args.yaml`.
    var given: RunArguments {
        var entries =
            data.givenOptions + network.givenOptions + steps.givenOptions + course.givenOptions
        // A new run with an adapter trains it.
        if network.adapter != nil, network.recipe == nil, folder.resume == nil {
            entries.append(.init("recipe", .text(Recipe.adapter.rawValue)))
        }
        return RunArguments(entries)
    }

    func validate() throws {
        do {
            var configuration = TrainingConfiguration.default
            try configuration.set(given)
            try configuration.check()
            guard folder.resume == nil else { return }
            guard configuration.data != nil else { throw ValidationError("--data ROOT is needed") }
            guard
                configuration.from != nil || configuration.network != nil
                    || configuration.recipe.architecture != nil
            else { throw ValidationError("--network or --from is needed") }
            guard configuration.from != nil || configuration.recipe == .full else {
                throw ValidationError(
                    "--from is needed: the recipe '\(configuration.recipe.rawValue)' freezes weights, "
                        + "which must have been trained; --recipe full trains all of a new network")
            }
        } catch let error as TrainingError {
            throw ValidationError("\(error)")
        }
        if folder.continues, folder.name == nil {
            throw ValidationError("--continue needs the --name of the run")
        }
    }

    func run() throws {
        printNotes()
        TorchRuntime.keepFreedMemory()
        let display = TrainingDisplay()
        do {
            let session = TrainingSession(try start(), path: ModelCatalog.path(of:))
            let training = try session.prepare()
            let trainer = training.trainer
            let isFirst = trainer.batches.rank == 0
            if isFirst { Terminal.print(training.summary) }
            guard let runFolder = training.folder else { return try printDuration(trainer) }
            // Steps of a resumed run would be saved.
            guard !folder.dryRun else { return }
            if isFirst, training.isResumed {
                Terminal.print(
                    "resuming at step \(trainer.position.step), epoch "
                        + "\(trainer.position.epoch + 1)")
            }
            let versions = ["samus": ProgramVersion.current, "libtorch": TorchRuntime.version]
            let observers = TrainingObserverList(
                try training.makeWriters(versions: versions) + [InterruptionObserver()]
                    + (isFirst ? [display] : []))
            let end = try trainer.fit(observer: observers)
            display.clear()
            if isFirst { Terminal.print(closing(end, trainer, runFolder)) }
            if end == .interrupted { throw ExitError(.interrupted) }
        } catch {
            display.clear()
            throw exit(for: error)
        }
    }

    /// Times a few steps, whose results are not kept, and prints how long all would take.
    private func printDuration(_ trainer: Trainer) throws {
        let timer = StepTimer(trainer.batches.count)
        let observers = TrainingObserverList([timer, InterruptionObserver()])
        guard try trainer.fit(observer: observers) == .interrupted, timer.isDone else {
            throw ExitError(.interrupted)
        }
        if trainer.batches.rank == 0 { Terminal.print(timer.summary(trainer)) }
    }

    /// A new run or one to resume, by the folder options.
    private func start() throws -> TrainingSession.Start {
        var resume = folder.resume
        if folder.continues, let name = folder.name {
            let path = folder.project + "/" + name
            resume = resume ?? (RunFolder.isRun(path) ? path : nil)
        }
        if let resume {
            guard let path = resume == "latest" ? RunFolder.latest(in: folder.project) : resume
            else { throw RunFolderError.noRun(path: folder.project) }
            return .resume(path: path, changes: given)
        }
        var configuration = TrainingConfiguration.default
        try configuration.set(given)
        return folder.dryRun
            ? .dryRun(configuration)
            : .new(
                configuration, project: folder.project, name: folder.name,
                replacing: folder.force)
    }

    /// Prints notes on words of former versions.
    private func printNotes() {
        for case .text(let text) in [given["prompts"], given["validation-prompts"]] {
            if let note = PromptStrategy.noteOnFormerWords(in: text) {
                Terminal.log("note: \(note)")
            }
        }
    }

    private func closing(_ end: TrainingEnd, _ trainer: Trainer, _ folder: RunFolder) -> String {
        let position = trainer.position
        let best = position.best.map {
            "; best \(position.bestColumn ?? "val/dice") "
                + "\($0.formatted(.number.precision(.fractionLength(4)))) in "
                + "epoch \((position.bestEpoch ?? 0) + 1)"
        }
        return """
            \(end.rawValue) after \(counted(position.epoch, "epoch")), \
            \(counted(position.step, "step"))\(best ?? "")
            \(folder.path)\
            \(end.isResumable ? "  (resume with: samus train --resume \(folder.path))" : "")
            \(ResearchNotice.text)
            """
    }

    /// The error with the exit code of its kind.
    private func exit(for error: any Error) -> any Error {
        switch error {
        case is ExitError, is ValidationError: error
        case ProcessGroupError.incompleteEnvironment, ProcessGroupError.badEnvironment:
            ValidationError("\(error)")
        case is AugmentationError: ValidationError("--augment: \(error)")
        case TrainingError.option, TrainingError.prompts, TrainingError.needsPrompt:
            ValidationError("\(error)")
        case is DatasetError, RunFolderError.noRun, RunFolderError.unreadable:
            ExitError(.input, "\(error)")
        case is RunFolderError, is FileError, CheckpointError.writeFailed, ImageError.cannotWrite:
            ExitError(.output, "\(error)")
        default: ExitError(.unavailable, "\(error)")
        }
    }
}
