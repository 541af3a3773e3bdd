import TrainCommands

SamusTrainCommand.runWithTorch()
