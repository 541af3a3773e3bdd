PACSCommand.runProgram()
