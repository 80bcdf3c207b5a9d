"""What is said: one speaker's audio in, words with times out, and what was not said taken out again."""
