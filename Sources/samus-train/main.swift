import SAMUSTrainCommand

SamusTrainCommand.mainWithTorch()
