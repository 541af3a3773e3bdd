import Commands

SamusCommand.runProgram()
