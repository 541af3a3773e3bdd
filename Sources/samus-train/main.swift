import SAMUSCommand
import SAMUSTrainCommand

SamusTrainCommand.mainWithTorch()
ProgramEnd.flush()
