"""Licences: what they are called, what follows from them, what proves them, and which are let in."""
