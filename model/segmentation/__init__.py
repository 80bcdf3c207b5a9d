"""Who is active in each frame of a short window: pyannote.audio's segmentation network, trained here."""
