import Commands
import TrainCommands

SamusTrainCommand.mainWithTorch()
ProgramEnd.flush()
