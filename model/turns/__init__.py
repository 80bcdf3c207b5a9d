"""Turn-taking between two speakers: units, floor, events, states per frame, statistics."""
