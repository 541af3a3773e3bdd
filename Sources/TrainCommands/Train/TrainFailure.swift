import ArgumentParser
import Checkpoints
import Commands
import Datasets
import FileIO
import Torch
import Training

/// The exit code of what keeps a training from beginning or going on.
enum TrainFailure {
    /// Says why on standard error, but for wrong arguments, which the parser says.
    ///
    /// - Parameter error: what was thrown.
    /// - Returns: what ends the program.
    static func exit(for error: any Error) -> any Error {
        switch error {
        case is ExitError, is ValidationError: error
        case ProcessGroupError.halfSetEnvironment, ProcessGroupError.badEnvironment:
            ValidationError("\(error)")
        case is AugmentationError: ValidationError("--augment: \(error)")
        case TrainingError.prompts, TrainingError.unprompted: ValidationError("\(error)")
        case is DatasetError, RunFolderError.noRun, RunFolderError.unreadable:
            ExitError(.input, "\(error)")
        case is RunFolderError, is FileError, CheckpointError.writeFailed:
            ExitError(.output, "\(error)")
        default: ExitError(.unavailable, "\(error)")
        }
    }
}
