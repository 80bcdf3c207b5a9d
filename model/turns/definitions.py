"""The thresholds of turn-taking, all of them, and where they are from."""

from typing import Final

IPU_SILENCE_S: Final = 0.2
"""Silence of one channel that ends an inter-pausal unit (Levinson and Torreira 2015; Heldner and Edlund 2010)."""
BACKCHANNEL_S: Final = 1.0
"""A backchannel is shorter than this and has at most BACKCHANNEL_WORDS words (Full-Duplex-Bench, Lin et al. 2025)."""
BACKCHANNEL_WORDS: Final = 2
ALONE_S: Final = 0.5
"""What else its speaker says is at least so far away, or it begins or ends his turn. (Ekstedt and Skantze 2022 ask
for 1 s before and 2 s after it, but then those are lost whose speaker takes the floor soon after.)"""
RESUMED_S: Final = 2.0
"""The other speaker, who has the floor, goes on within this time after it; else it took the floor."""
TERMINAL_S: Final = 0.5
"""A speaker who comes in by less than this before the other's end anticipates it; by more, interrupts. Most overlaps
at a change of speaker are shorter (Heldner and Edlund 2010)."""
VAP_BINS_S: Final = (0.2, 0.4, 0.6, 0.8)
"""What voice activity projection foretells (Ekstedt and Skantze 2022): whether each channel is active for more than
VAP_SHARE of each of these stretches, one after the other."""
VAP_SHARE: Final = 0.5
