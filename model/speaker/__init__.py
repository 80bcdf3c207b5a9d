"""Who is speaking: a small embedding of a voice."""
