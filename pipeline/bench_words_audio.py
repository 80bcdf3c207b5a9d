"""What `bench_words` places words in: channels with true word times, clean and made harder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.score_audio import ScoreError, file_blocks
from pipeline.score_truth import by_name, find_truth, read_truth
from pipeline.sources import AUDIO_SUFFIXES
from schemas.recording import SAMPLE_RATE_HZ
from schemas.transcript import TimedWord

Float32 = NDArray[np.float32]
Words = tuple[TimedWord, ...]

PAUSE_S: Final = 0.5  # a silence so long parts utterances
SNR_DB: Final = 10.0
TALKERS: Final = 8  # in the babble
FILES_JOINED: Final = 3  # of a folder of speech, in an utterance
EDGE_DB: Final = -35.0  # under a file's loudest 10 ms: where its speech begins and ends
MARGIN_S: Final = 0.2  # of a file's own silence that is kept at either end


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker's channel, float32 [samples] at 24 kHz, and what he says in it, utterance by utterance.

    A time that nobody knows is NaN. `other`: the voice that is mixed in where two are to talk at once.
    """

    name: str
    audio: Float32
    utterances: tuple[Words, ...]
    other: Float32

    def speech(self) -> Float32:
        """The audio of the utterances, joined."""
        spans = [(first_s(words), last_s(words)) for words in self.utterances]
        return np.concatenate([self.audio[_samples(a) : _samples(b)] for a, b in spans])


def first_s(words: Words) -> float:
    """When an utterance begins."""
    return words[0].start_s


def last_s(words: Words) -> float:
    """When an utterance ends."""
    return words[-1].end_s


def _samples(time_s: float) -> int:
    return round(time_s * SAMPLE_RATE_HZ)


def demo_voices(folder: Path) -> list[Voice]:
    """The two channels of every recording whose word times are known. Raises ScoreError where there are none."""
    voices = []
    for name, files in find_truth(folder).items():
        one = files.audio or files.mixture
        paths = [one] if one else [folder / f"{name}.{side}.flac" for side in ("left", "right")]
        channels = [np.concatenate(list(file_blocks(path, "recording")), axis=1) for path in paths]
        shortest = min(audio.shape[1] for audio in channels)
        audio = np.concatenate([part[:, :shortest] for part in channels])
        said = [_runs(words) for words in read_truth(files).facts["words"]]
        spoken = [Voice(f"{name} {c}", audio[c], said[c], audio[c]).speech() for c in (0, 1)]
        voices += [Voice(f"{name} {c}", audio[c], said[c], spoken[1 - c]) for c in (0, 1)]
    return voices


def _runs(words: Sequence[Sequence[Any]]) -> tuple[Words, ...]:
    """Utterances of [word, start_s, end_s, confidence]: runs of words without a pause."""
    runs: list[list[TimedWord]] = []
    for text, start_s, end_s, _ in words:
        word = TimedWord(text=text, start_s=start_s, end_s=end_s)
        if runs and start_s - runs[-1][-1].end_s < PAUSE_S:
            runs[-1].append(word)
        else:
            runs.append([word])
    return tuple(map(tuple, runs))


def folder_voice(folder: Path) -> Voice:
    """A folder of one speaker's (or several speakers') files, each with its text in a .txt of the same name.

    Three files are an utterance; known are the times where a file's speech begins and ends: of single words both
    ends, of sentences those of the first and the last word. Raises ScoreError where no file has a text.
    """
    files = [
        path for _, path in sorted(by_name(folder, AUDIO_SUFFIXES).items()) if path.with_suffix(".txt").is_file()
    ]
    if not files:
        raise ScoreError(f"{folder} holds no speech with its text: NAME.txt beside NAME.wav (or other audio)")
    utterances: list[Words] = []
    parts = [np.zeros(_samples(PAUSE_S), np.float32)]
    for n, path in enumerate(files):
        audio = np.concatenate(list(file_blocks(path, "speech")), axis=1).mean(0)
        begin, end = speech_edges(audio)
        kept = audio[max(0, begin - _samples(MARGIN_S)) : end + _samples(MARGIN_S)]
        offset = sum(map(len, parts)) - max(0, begin - _samples(MARGIN_S))
        words = _known_ends(path.with_suffix(".txt").read_text("utf-8").split(), begin + offset, end + offset)
        if n % FILES_JOINED:
            utterances[-1] += words
        else:
            utterances.append(words)
        parts += [kept, np.zeros(_samples(PAUSE_S if (n + 1) % FILES_JOINED == 0 else 0.0), np.float32)]
    whole = np.concatenate(parts)
    voice = Voice(folder.name, whole, tuple(utterances), whole)
    return Voice(folder.name, whole, tuple(utterances), np.roll(voice.speech(), whole.size // 2))


def _known_ends(texts: Sequence[str], begin: int, end: int) -> Words:
    nan, last = float("nan"), len(texts) - 1
    return tuple(
        TimedWord(
            text=text,
            start_s=begin / SAMPLE_RATE_HZ if i == 0 else nan,
            end_s=end / SAMPLE_RATE_HZ if i == last else nan,
        )
        for i, text in enumerate(texts)
    )


def speech_edges(audio: Float32) -> tuple[int, int]:
    """The first and the last sample of what is louder than EDGE_DB under the loudest 10 ms. audio: [samples]."""
    hop = SAMPLE_RATE_HZ // 100
    power = np.square(audio[: audio.size // hop * hop].reshape(-1, hop), dtype=np.float64).mean(1)
    loud = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (EDGE_DB / 10))
    return (int(loud[0]) * hop, int(loud[-1] + 1) * hop) if loud.size else (0, audio.size)


Condition = Callable[[Voice, Sequence[Voice], np.random.Generator], Float32]


def _clean(voice: Voice, _all: Sequence[Voice], _random: np.random.Generator) -> Float32:
    return voice.audio


def _white(voice: Voice, _all: Sequence[Voice], random: np.random.Generator) -> Float32:
    return _mixed(voice, random.standard_normal(voice.audio.size, np.float32))


def _babble(voice: Voice, everyone: Sequence[Voice], random: np.random.Generator) -> Float32:
    """Several others at once, none of them louder than the rest."""
    others = [v for v in everyone if v.name.split()[0] != voice.name.split()[0]] or [voice]
    noise = np.zeros(voice.audio.size, np.float32)
    for n in random.choice(len(others), TALKERS, replace=len(others) < TALKERS):
        speech = others[int(n)].speech()
        noise += np.roll(np.resize(speech / speech.std(), noise.size), int(random.integers(noise.size)))
    return _mixed(voice, noise)


def _overlapped(voice: Voice, _all: Sequence[Voice], _random: np.random.Generator) -> Float32:
    """The other speaker all the time."""
    return _mixed(voice, np.resize(voice.other, voice.audio.size))


def _mixed(voice: Voice, noise: Float32) -> Float32:
    """With the noise SNR_DB under the speech."""
    factor = voice.speech().std() / noise.std() * 10 ** (-SNR_DB / 20)
    return voice.audio + noise * np.float32(factor)


CONDITIONS: Final[Mapping[str, Condition]] = {
    "clean": _clean,
    "white noise, 10 dB": _white,
    "babble, 10 dB": _babble,
    "another voice, -10 dB": _overlapped,
}


def hardened(voices: Sequence[Voice], condition: str, seed: int) -> Iterator[tuple[Voice, Float32]]:
    """Each voice with its audio in a condition; the same seed gives the same noise."""
    for n, voice in enumerate(voices):
        yield voice, CONDITIONS[condition](voice, voices, np.random.default_rng([seed, n]))
