"""How many near duplicates are found, and how many conversations are taken for one another.

    python -m pipeline.bench_duplicates SPEECH [--seed N] [--clips N ...]

Conversations of the speakers of SPEECH, each pair of those with much speech in several that share no phrase, are
changed in every way; each changed one is compared with its original and with all other conversations. Then the time
and memory that selection takes for N made fingerprints of two minutes, one in ten of them a copy.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from model.landmarks.align import align
from model.landmarks.candidates import candidates
from model.landmarks.find import FREQUENCY_BITS, Landmarks, landmarks
from model.landmarks.tokens import sketch
from model.resample import to_int16
from model.simulate.codecs import resample, through
from model.simulate.conversation import simulate
from model.simulate.scene import Scene
from model.simulate.sounds import Sounds
from model.simulate.timing import TimingModel
from model.simulate.voices import Voice, Voices
from pipeline.duplicates import MOST_ALIKE, compare, enough
from schemas.conversation import Segment
from schemas.recording import SAMPLE_RATE_HZ

Float32 = NDArray[np.float32]
Random = np.random.Generator

READER_S: Final = 400.0
"""Speech of a voice that talks in several conversations; two of those who have less talk in one."""
EACH: Final = 2  # conversations of a pair of readers
PART_S: Final = 300.0


def noisy(audio: Float32, snr_db: float) -> Float32:
    """With white noise; the ratio is to the samples in which anyone is heard."""
    noise = np.random.default_rng(1).standard_normal(audio.shape).astype(np.float32)
    level = float(np.sqrt(np.mean(audio[np.abs(audio) > 1e-3] ** 2))) * 10 ** (-snr_db / 20)
    return audio + level * noise


def mixed(audio: Float32) -> Float32:
    """One track."""
    track: Float32 = audio.mean(axis=0)
    return track


def middle(audio: Float32) -> Float32:
    """At most five minutes, at most half."""
    size = min(audio.shape[1] // 2, round(PART_S * SAMPLE_RATE_HZ))
    start = (audio.shape[1] - size) // 2
    return audio[:, start : start + size]


def resampled(audio: Float32, rate_hz: int) -> Float32:
    """There and back."""
    return resample(resample(mixed(audio), SAMPLE_RATE_HZ, rate_hz), rate_hz, SAMPLE_RATE_HZ)


CHANGES: Final[Mapping[str, Callable[[Float32], Float32]]] = {
    "mixed down": mixed,
    "channels swapped, -9 dB": lambda audio: 0.355 * audio[::-1],
    "trimmed by 7.3 s": lambda audio: audio[:, round(7.3 * SAMPLE_RATE_HZ) :],
    "half of it, mixed down": lambda audio: mixed(middle(audio)),
    "at 11,025 Hz": lambda audio: resampled(audio, 11_025),
    "MP3 64 kb/s": lambda audio: through(mixed(audio), "mp3", 64_000),
    "Opus 16 kb/s": lambda audio: through(mixed(audio), "opus", 16_000),
    "G.711 µ-law, 8 kHz": lambda audio: through(mixed(audio), "g711-mu"),
    "noise at 20 dB": lambda audio: noisy(mixed(audio), 20.0),
    "noise at 10 dB": lambda audio: noisy(mixed(audio), 10.0),
    "half, Opus, noise at 20 dB": lambda audio: through(noisy(mixed(middle(audio)), 20.0), "opus", 16_000),
}


def parts(voice: Voice, count: int) -> list[Voice]:
    """A voice with a share of its utterances, `count` times, none twice."""
    return [replace(voice, speech=voice.speech[i::count]) for i in range(count)]


def conversations(voices: Voices, random: Random) -> dict[str, Float32]:
    """Name -> conversation, float32 [2, samples] at 24 kHz; no phrase is in two of them."""
    readers = [voice for voice in voices if voice.speech_s > READER_S]
    others = [voice for voice in voices if voice.speech_s <= READER_S]
    shares = {voice.name: iter(parts(voice, EACH * (len(readers) - 1))) for voice in readers}
    pairs = [
        (next(shares[a.name]), next(shares[b.name])) for a, b in itertools.combinations(readers, 2) for _ in "ab"
    ]
    pairs += list(zip(others[::2], others[1::2], strict=False))
    timing, sounds, made = TimingModel.builtin(), Sounds.load(None, None, None, held=None), {}
    for number, (one, other) in enumerate(pairs):
        length_s = 1.4 * min(one.speech_s, other.speech_s)
        found = simulate(random, [one, other], timing, Scene(), sounds, length_s)
        made[f"{number} {one.name} {other.name}"] = found.channels
    return made


def heard(audio: Float32) -> Landmarks:
    """The landmarks of audio, float32 [samples] or [channels, samples], all of it active."""
    pcm = to_int16(np.atleast_2d(audio))
    return landmarks(pcm, [Segment(channel=0, start_s=0.0, end_s=pcm.shape[1] / SAMPLE_RATE_HZ)])


def row(name: str, originals: Sequence[Landmarks], copies: Sequence[Landmarks]) -> str:
    """A row of the table of changes: how many copies are candidates and dropped, how like they are, false pairs."""
    likely = {tuple(pair) for pair in candidates([sketch(marks) for marks in (*originals, *copies)]).tolist()}
    likeness, seen, dropped, false = [], 0, 0, 0
    for (i, one), (j, other) in itertools.product(enumerate(originals), enumerate(copies)):
        both = align(one, other)
        if i != j:
            false += both is not None and enough(*both)
            continue
        likeness.append(both[1].likeness if both is not None and enough(*both) else 0.0)
        seen += (i, len(originals) + j) in likely
        dropped += (i, len(originals) + j) in likely and likeness[-1] > MOST_ALIKE
    count = len(originals)
    rates = f"{100 * seen / count:.0f} | {100 * dropped / count:.0f}"
    low = f"{min(likeness):.2f}, {np.quantile(likeness, 0.1):.2f}"
    return f"| {name} | {rates} | {low} | {false} of {count * (count - 1)} |"


def made_landmarks(random: Random, seconds: float) -> Landmarks:
    """Three a second, with the frequencies of speech: low ones are more frequent."""
    count = round(3 * seconds)
    tones = 75 + (675 * random.beta(1.1, 2.5, count)).astype(np.uint32)
    return np.unique(random.integers(0, round(seconds * 125), count).astype(np.uint32) << FREQUENCY_BITS | tones)


def scaling(count: int, random: Random) -> str:
    """A row of the table of times: clips, seconds for sketches and for pairs, pairs found."""
    marks = [made_landmarks(random, 120.0) for _ in range(count - count // 10)]
    marks += [m[random.random(len(m)) < 0.8] for m in marks[: count // 10]]
    began = time.process_time()
    sketches = [sketch(m) for m in marks]
    sketched = time.process_time()
    found = compare(sketches, marks.__getitem__)
    pairs = sum(len(others) for others in found.values()) // 2
    size = sum(s.nbytes for s in sketches) / count / 2
    seconds = f"{sketched - began:.1f} | {time.process_time() - sketched:.1f}"
    return f"| {count} | {seconds} | {pairs} of {count // 10} | {size:.0f} |"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clips", type=int, nargs="*", default=[1_000, 10_000, 50_000])
    given = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(given.seed)
    talks = list(conversations(Voices.load(given.speech, None, least_s=15.0, most_s=1_400.0), random).values())
    originals = [heard(talk) for talk in talks]
    typer.echo(
        f"{len(talks)} conversations, {sum(talk.shape[1] for talk in talks) / SAMPLE_RATE_HZ / 60:.0f} minutes"
    )
    typer.echo("| | candidates, % | dropped, % | likeness: least, 10 % | false pairs |\n|---|---|---|---|---|")
    for name, change in CHANGES.items():
        typer.echo(row(name, originals, [heard(change(talk)) for talk in talks]))
    typer.echo("\n| clips | sketches, s | pairs, s | found | bytes a minute |\n|---|---|---|---|---|")
    for count in given.clips:
        typer.echo(scaling(count, random))


if __name__ == "__main__":
    main()
