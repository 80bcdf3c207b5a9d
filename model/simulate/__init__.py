"""Conversations with known channels: timing, voices, rooms, noise and lines."""
