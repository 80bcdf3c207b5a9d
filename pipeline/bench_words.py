"""How far the aligned words are from where they are said: one table.

    python -m pipeline.bench_words [--aligner NAME] [--speech FOLDER] [--seed N]

The demo's recordings, whose word times are known: per utterance, its bounds 0.2 s too wide, as a transcript gives
them; clean and made harder; then in short rows, and with the channel's whole text and no times. Beside it what
`spread` makes of the same bounds, and another utterance's text, whose confidence should be low. --speech adds a
folder of real speech, each file with its text in a .txt beside it, of which only the ends of the files are known.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import typer
from numpy.typing import NDArray

from model.aligner.contract import Aligner
from model.aligner.fill import spread
from model.aligner.load import load_aligner
from model.aligner.place import place, place_all
from pipeline.bench_words_audio import (
    CONDITIONS,
    Float32,
    Voice,
    Words,
    demo_voices,
    first_s,
    folder_voice,
    hardened,
    last_s,
)
from schemas.recording import SAMPLE_RATE_HZ
from schemas.transcript import Utterance

DEMO: Final = Path(__file__).parents[1] / "demo" / "recordings"
WIDER_S: Final = 0.2
ROW_WORDS: Final = 3
NEAR_MS: Final = 80.0
RIGHT_MS: Final = 100.0
LANGUAGE: Final = "en"
BINS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0)


@dataclass(slots=True)
class Errors:
    """Of the words of one row: how late each starts and ends (ms, NaN where that is not known), their confidence.

    `out_of_order`: how many begin before the one before them ends, where that was looked at.
    """

    late_ms: list[tuple[float, float]] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    audio_s: float = 0.0
    took_s: float = 0.0
    out_of_order: int = 0

    def add(self, true: Words, found: Words) -> None:
        """Compare the words of an utterance one by one."""
        for known, word in zip(true, found, strict=True):
            self.late_ms.append((1e3 * (word.start_s - known.start_s), 1e3 * (word.end_s - known.end_s)))
            self.confidence.append(word.confidence)

    def right(self) -> NDArray[np.float64]:
        """Of the words with an end that is known: the confidence, and 1 where it is within RIGHT_MS, [words, 2]."""
        off = np.abs(np.array(self.late_ms).reshape(-1, 2))
        known = ~np.isnan(off).all(1)
        right = np.nan_to_num(off).max(1) <= RIGHT_MS
        return np.stack([np.array(self.confidence)[known], right[known]], axis=1)


Place = Callable[[Float32, Utterance], Words]


def utterance_of(words: Words, text: str | None = None) -> Utterance:
    """What a transcript says of the words: their text, or another, and bounds that are too wide."""
    said = " ".join(word.text for word in words) if text is None else text
    start_s, end_s = max(0.0, first_s(words) - WIDER_S), last_s(words) + WIDER_S
    return Utterance(speaker="", start_s=start_s, end_s=end_s, text=said)


def by_utterance(voices: Sequence[Voice], condition: str, seed: int, times: Place) -> Errors:
    """The words of every utterance."""
    errors = Errors()
    for voice, audio in hardened(voices, condition, seed):
        for words in voice.utterances:
            _timed(errors, audio, utterance_of(words), words, times)
    return errors


def by_row(voices: Sequence[Voice], times: Callable[[Float32, Sequence[Utterance]], Words]) -> Errors:
    """The words of every channel from a transcript in rows of ROW_WORDS, as subtitles are."""
    errors = Errors()
    for voice in voices:
        rows = [words[i : i + ROW_WORDS] for words in voice.utterances for i in range(0, len(words), ROW_WORDS)]
        began = time.perf_counter()
        found = times(voice.audio, [utterance_of(words) for words in rows])
        errors.took_s += time.perf_counter() - began
        errors.audio_s += sum(last_s(words) - first_s(words) for words in voice.utterances)
        errors.add(tuple(word for words in rows for word in words), found)
        errors.out_of_order += sum(b.start_s < a.end_s for a, b in pairwise(found))
    return errors


def by_channel(voices: Sequence[Voice], times: Place) -> Errors:
    """The words of each whole channel, of which the transcript gives no times."""
    errors = Errors()
    for voice in voices:
        words = tuple(word for utterance in voice.utterances for word in utterance)
        text = " ".join(word.text for word in words)
        whole = Utterance(speaker="", start_s=None, end_s=None, text=text)
        _timed(errors, voice.audio, whole, words, times)
    return errors


def with_other_text(voices: Sequence[Voice], times: Place) -> Errors:
    """As many words as each utterance has, from elsewhere in the same channel; only their confidence counts."""
    errors = Errors()
    for voice in voices:
        said = [word.text for utterance in voice.utterances for word in utterance]
        at = len(said) // 2
        for words in voice.utterances:
            other = " ".join((said * 2)[at : at + len(words)])
            at = (at + len(words)) % len(said)
            _timed(errors, voice.audio, utterance_of(words, other), words, times)
    return errors


def _timed(errors: Errors, audio: Float32, utterance: Utterance, words: Words, times: Place) -> None:
    began = time.perf_counter()
    found = times(audio, utterance)
    errors.took_s += time.perf_counter() - began
    end_s = audio.size / SAMPLE_RATE_HZ if utterance.end_s is None else utterance.end_s
    errors.audio_s += end_s - (utterance.start_s or 0.0)
    errors.add(words, found)


def row(source: str, condition: str, method: str, errors: Errors, *, with_times: bool = True) -> str:
    """A line of the table."""
    off = np.abs(np.array(errors.late_ms))
    cells = [f"{len(off)}", f"{100 * np.mean(np.array(errors.confidence) > 0):.1f}"]
    for side in (off[:, 0], off[:, 1]):
        known = side[~np.isnan(side)]
        near = 100 * np.mean(known <= NEAR_MS)
        cells.append(f"{np.median(known):.0f}, {np.percentile(known, 90):.0f}, {near:.1f} %" if with_times else "")
    cells.append(f"{np.mean(errors.confidence):.2f}")
    return f"| {source} | {condition} | {method} | {' | '.join(cells)} |"


HEADER: Final = (
    "| speech | condition | by | words | placed, % | starts: median, 90 % (ms), within 80 ms | ends | confidence |\n"
    "|---|---|---|---|---|---|---|---|"
)


def rows(source: str, voices: Sequence[Voice], aligner: Aligner, seed: int) -> Iterator[tuple[str, Errors]]:
    """The lines of one kind of speech, with what they are made of."""

    def aligned(audio: Float32, utterance: Utterance) -> Words:
        return place(audio, utterance, LANGUAGE, aligner=aligner)

    def aligned_rows(audio: Float32, utterances: Sequence[Utterance]) -> Words:
        return place_all(audio, utterances, LANGUAGE, aligner=aligner)

    def shared(audio: Float32, utterance: Utterance) -> Words:
        return spread(
            utterance.text.split(), utterance.start_s or 0.0, utterance.end_s or audio.size / SAMPLE_RATE_HZ
        )

    for condition in CONDITIONS:
        errors = by_utterance(voices, condition, seed, aligned)
        yield row(source, condition, aligner.name, errors), errors
    errors = by_row(voices, aligned_rows)
    yield row(source, f"clean, rows of {ROW_WORDS} words", aligner.name, errors), errors
    errors = by_channel(voices, aligned)
    yield row(source, "clean, no times", aligner.name, errors), errors
    errors = with_other_text(voices, aligned)
    yield row(source, "another text", aligner.name, errors, with_times=False), errors
    errors = by_utterance(voices, "clean", seed, shared)
    yield row(source, "any", "spread", errors), errors


def trust(found: Sequence[Errors]) -> str:
    """How many words are right, by their confidence."""
    confidence, right = np.concatenate([errors.right() for errors in found]).T
    lines = [f"| confidence | words | mean | within {RIGHT_MS:.0f} ms, % |", "|---|---|---|---|"]
    for low, high in pairwise(BINS):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            share = 100 * right[inside].mean()
            lines.append(f"| {low:g} to {high:g} | {inside.sum()} | {confidence[inside].mean():.2f} | {share:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--aligner", default="builtin", help='"builtin", or the folder or hub name of a CTC model')
    parser.add_argument("--speech", type=Path, help="a folder of speech: NAME.wav (or other audio) with NAME.txt")
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    given = parser.parse_args()
    aligner = load_aligner(given.aligner)
    sources = {"demo": demo_voices(DEMO)}
    if given.speech:
        sources[given.speech.name] = [folder_voice(given.speech)]
    typer.echo(HEADER)
    for source, voices in sources.items():
        found = []
        for line, errors in rows(source, voices, aligner, given.seed):
            typer.echo(line)
            found.append(errors)
        faster = found[0].audio_s / found[0].took_s
        typer.echo(f"\n{source}, clean: {faster:.0f} x real time\n\n{trust(found[:-1])}\n")


if __name__ == "__main__":
    main()
