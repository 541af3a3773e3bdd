// SAMUSTrainCommand
