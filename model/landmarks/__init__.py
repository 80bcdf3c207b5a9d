"""The acoustic fingerprint: spectral peaks by which the same conversation is known in other bytes."""
