"""Transcripts of conversations as other tools write them, read into one form: a file a format."""
