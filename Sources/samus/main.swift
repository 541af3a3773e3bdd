import SAMUSCommand

SamusCommand.main()
ProgramEnd.flush()
