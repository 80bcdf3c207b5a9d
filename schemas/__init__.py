"""The nouns of the project: frozen dataclasses, each with a pyarrow schema derived from it."""
