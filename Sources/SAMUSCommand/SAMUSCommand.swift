// SAMUSCommand
