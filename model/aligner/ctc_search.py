"""Forced alignment of a window's words with the frames of a CTC model (Graves et al. 2006).

As torchaudio's `forced_align`, which can leave no end open and is not exact where two ways are equally likely.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from model.aligner.ctc_text import Alphabet
from model.aligner.windows import Found, Span
from model.ctc_network import Frames
from model.resample import Float32

STAR_PRICE: Final = 0.5
"""What a frame costs, in nats under its likeliest character, that is given to no word: more than what a word that is
there loses to other characters, less than one that is not. By reason: no weights were at hand to measure it on."""

Word = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CtcSearch:
    """The search of one model. `log_probabilities`: float32 [frames, characters] of float32 [samples] at 16 kHz."""

    log_probabilities: Callable[[Float32], Tensor]
    frames: Frames
    alphabet: Alphabet

    def __call__(self, audio: Float32, items: Sequence[Word], open_end: bool) -> Found:
        """The words' spans; see `model.aligner.windows.Search`. Any sound may come before and after the words."""
        if not items or audio.size < self.frames.field:
            return [None] * len(items)
        known = self.log_probabilities(audio)
        star = torch.maximum(known.max(-1).values - STAR_PRICE, known[:, self.alphabet.blank])
        log_probs = torch.cat([known, star[:, None]], -1).numpy()
        targets, owners = self._targets(items)
        ends = [n for n in range(len(owners) - 1) if owners[n] != owners[n + 1] and owners[n] >= 0]
        path = viterbi(log_probs, targets, self.alphabet.blank, [0, *ends] if open_end else [])
        seen: dict[int, list[tuple[int, float]]] = {}
        for frame, target in enumerate(path or ()):
            if target >= 0 and owners[target] >= 0 and targets[target] not in (self.alphabet.star, self.alphabet.gap):
                probability = float(np.exp(log_probs[frame, targets[target]]))
                seen.setdefault(owners[target], []).append((frame, probability))
        return [self._span(seen[i]) if i in seen else None for i in range(len(items))]

    def _span(self, places: Sequence[tuple[int, float]]) -> Span:
        """From the frames of a word's known characters, with their mean probability."""
        start_s, end_s = self.frames.start_s(places[0][0]), self.frames.start_s(places[-1][0] + 1)
        return Span(start_s, end_s, min(1.0, sum(p for _, p in places) / len(places)))

    def _targets(self, items: Sequence[Word]) -> tuple[list[int], list[int]]:
        """The characters of all words with what is between them, and the word that each belongs to, -1 for none."""
        targets, owners = [self.alphabet.star], [-1]
        for i, word in enumerate(items):
            if i and self.alphabet.gap is not None:
                targets.append(self.alphabet.gap)
                owners.append(-1)
            targets += word
            owners += [i] * len(word)
        return [*targets, self.alphabet.star], [*owners, -1]


def viterbi(log_probs: Float32, targets: Sequence[int], blank: int, exits: Sequence[int]) -> list[int] | None:
    """Which target each frame has on the likeliest way through all of them, -1 for a blank; None: too few frames.

    log_probs: [frames, characters]. The first and the last target may be left out. exits: targets from which it may
    go straight to the last one. Of equal ways the one that stays longest in a state.
    """
    states = np.full(2 * len(targets) + 1, blank)
    states[1::2] = targets
    scores = log_probs.astype(np.float64)[:, states]
    barred = np.ones(states.size, bool)  # from the state before the last one
    barred[3::2] = states[3::2] == states[1:-2:2]
    leaving, last = 2 * np.array(exits, np.intp) + 1, states.size - 2
    back = np.zeros(scores.shape, np.intp)
    at = np.full(states.size, -np.inf)
    at[:4] = scores[0, :4]
    numbers = np.arange(states.size)
    for frame in range(1, len(scores)):
        ways = np.full((3, states.size), -np.inf)
        ways[0], ways[1, 1:], ways[2, 2:] = at, at[:-1], at[:-2]
        ways[2, barred] = -np.inf
        way = ways.argmax(0)
        before, at = at, ways[way, numbers]
        back[frame] = numbers - way
        if leaving.size and before[leaving].max() > at[last]:
            back[frame, last] = leaving[before[leaving].argmax()]
            at[last] = before[back[frame, last]]
        at = at + scores[frame]
    state = states.size - 4 + int(at[-4:].argmax())
    if at[state] == -np.inf:
        return None
    path = [state]
    for frame in range(len(scores) - 1, 0, -1):
        path.append(int(back[frame, path[-1]]))
    return [number // 2 if number % 2 else -1 for number in reversed(path)]
