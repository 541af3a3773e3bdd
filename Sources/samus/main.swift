import Commands

SamusCommand.main()
ProgramEnd.flush()
