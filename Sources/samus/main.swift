import SAMUSCommand

SamusCommand.main()
