"""Where each word is: the words of a transcript get their times in the audio of one speaker."""
