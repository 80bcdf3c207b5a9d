"""What a speaker sounds like and who they are: samples of solo speech, role texts, and the codes of a prompt."""
