ServerCommand.runProgram()
