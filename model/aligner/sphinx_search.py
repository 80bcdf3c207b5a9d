"""One search with PocketSphinx: a grammar of the words at hand, a decoder that knows no others, and what it found."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from pocketsphinx import Decoder

from model.aligner.lexicon import Part, Saying
from model.aligner.windows import MODEL_RATE_HZ, Found, Span
from model.resample import Float32, to_int16

Ways = tuple[Saying, ...]
Arc = tuple[int, int, float] | tuple[int, int, float, str]

FRAME_S: Final = 0.01
_PEAK: Final = 0.5  # the audio is raised to this, full scale 1: quiet channels have few of the 16 bits
_PHONE_FRAMES: Final = 3  # at least: a state each
_SETTINGS: Final = {"lm": None, "dict": None, "loglevel": "FATAL", "bestpath": False}
_WEIGHTS: Final = {"lw": 1.0, "wip": 1.0, "silprob": 0.1, "fillprob": 1e-8}
_BEAMS: Final = (1e-200, 0.0)  # the second, which prunes nothing, where the first finds no way to the end
# Before and after the words, where the transcript's times are too wide: any of these phones, each at this price.
# Without them the first word stretches to what was said before it.
_OTHER_PHONES: Final = ("AA", "IY", "UW", "ER", "AE", "EH", "S", "T", "N", "M", "L", "D", "F", "K", "W")
_OTHER_PRICE: Final = 1e-12
_LOG_UNIT: Final = 1024.0  # of PocketSphinx's acoustic scores, which it gives as a power of e
_NEIGHBOURS: Final = 2
_FIT: Final = (5.46, 0.131, 1.010)
_LEAST_ODDS: Final = -700.0  # logarithm; less has no exponential


class _Scored(NamedTuple):
    """A word's frames and the log-likelihood of its sounds, relative to the likeliest in each frame."""

    start: int
    end: int
    score: float


def search(model: Path, audio: Float32, items: Sequence[Ways], open_end: bool) -> Found:
    """The words' spans in audio, float32 [samples] at 16 kHz; see `model.aligner.windows.Search`.

    All None where the audio has no room for the words, or no path through them to its end.
    """
    frames = int(audio.size / (MODEL_RATE_HZ * FRAME_S))
    if not items or (not open_end and sum(map(_fewest_phones, items)) * _PHONE_FRAMES > frames):
        return [None] * len(items)
    peak = float(np.abs(audio).max(initial=0.0))
    pcm = to_int16(audio * np.float32(_PEAK / peak) if peak > 0 else audio).tobytes()
    for beam in _BEAMS:
        found = _decode(model, pcm, items, open_end, beam)
        if found:
            return _with_confidence(found, len(items))
    return [None] * len(items)


def _fewest_phones(ways: Ways) -> int:
    return min(sum(min(len(phones.split()) for phones in part) for part in saying) for saying in ways)


def _grammar(items: Sequence[Ways], open_end: bool) -> tuple[dict[str, Part], list[Arc]]:
    """The names of the words with their pronunciations, and the arcs of a chain; states 0 to n: between words.

    A word is called by its place: item, way, part. The decoder puts silence and noise into every state itself.
    """
    words: dict[str, Part] = {} if open_end else {f"other-{phone}": (phone,) for phone in _OTHER_PHONES}
    arcs: list[Arc] = [(state, state, _OTHER_PRICE, name) for name in words for state in (0, len(items))]
    state = len(items)
    for i, ways in enumerate(items):
        for k, saying in enumerate(ways):
            at = i
            for p, part in enumerate(saying):
                state += 1
                to = i + 1 if p + 1 == len(saying) else state
                name = f"{i}.{k}.{p}"
                words[name] = part
                arcs.append((at, to, 1.0 / len(ways), name))
                at = to
    if open_end:
        arcs += [(i, len(items), 1.0) for i in range(len(items))]
    return words, arcs


def _decode(model: Path, pcm: bytes, items: Sequence[Ways], open_end: bool, beam: float) -> dict[int, _Scored]:
    """The items on the best path, {} where none reaches the end."""
    words, arcs = _grammar(items, open_end)
    beams = {"beam": beam, "pbeam": beam, "wbeam": beam}
    decoder = Decoder(hmm=str(model), **_SETTINGS, **_WEIGHTS, **beams)
    for name, part in words.items():
        for number, phones in enumerate(part, start=1):
            decoder.add_word(name if number == 1 else f"{name}({number})", phones, False)
    decoder.add_fsg("words", decoder.create_fsg("words", 0, len(items), arcs))
    decoder.activate_search("words")
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    found: dict[int, _Scored] = {}
    for segment in decoder.seg() if decoder.hyp() else ():
        place = segment.word.split(".")[0]
        if place.isdigit():
            i, score = int(place), _LOG_UNIT * math.log(max(segment.ascore, sys.float_info.min))
            before = found.get(i, _Scored(segment.start_frame, 0, 0.0))
            found[i] = _Scored(before.start, segment.end_frame + 1, before.score + score)
    return found


def _with_confidence(found: dict[int, _Scored], count: int) -> Found:
    """The spans in seconds, each with the probability that both its ends are within 100 ms.

    From the log-likelihood per frame of the word and of the five words around it, by a logistic regression (a
    goodness of pronunciation as in Witt and Young, 2000).
    """
    spans: Found = [None] * count
    places = sorted(found)
    for n, i in enumerate(places):
        around = [found[j] for j in places[max(0, n - _NEIGHBOURS) : n + _NEIGHBOURS + 1]]
        own, near = _per_frame([found[i]]), _per_frame(around)
        odds = max(_FIT[0] + _FIT[1] * own + _FIT[2] * near, _LEAST_ODDS)
        spans[i] = Span(found[i].start * FRAME_S, found[i].end * FRAME_S, 1.0 / (1.0 + math.exp(-odds)))
    return spans


def _per_frame(words: Sequence[_Scored]) -> float:
    return sum(word.score for word in words) / sum(word.end - word.start for word in words)
