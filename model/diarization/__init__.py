"""Who speaks when on one track: two voices found and followed through a whole recording."""
