"""Speech with true word times from two synthesisers: flite (by its C library) and festival (by its Scheme).

Needed only where the recordings are made: `apt-get install flite festival festlex-cmu festlex-poslex
festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts`. Licences of the voices: README.md.
"""

import ctypes
import re
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAID_AS = {"mhm": "umhum", "hm": "hum"}  # both synthesisers would spell the letters
LEAD_S, TAIL_S, FADE_S = 0.03, 0.06, 0.01  # kept around the first and the last word


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """A person of the demo: a voice, and what makes it this person's.

    `tract`: playing speed, which moves formants and pitch together (over 1: a shorter vocal tract).
    `pitch`: factor on the voice's own pitch, before `tract`. `pace`: over 1 is faster.
    """

    voice: str
    tract: float = 1.0
    pitch: float = 1.0
    pace: float = 1.0
    level_dbfs: float = -24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word as written, without punctuation, and when it is said."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """Samples (float64, full scale 1) from LEAD_S before the first word; word times from the first sample."""

    samples: NDArray[np.float64]
    sample_rate_hz: float
    words: tuple[Word, ...]

    @property
    def duration_s(self) -> float:
        """From the first sample to the end of the last word."""
        return self.words[-1].end_s


def speak(speaker: Speaker, texts: Sequence[str]) -> list[Speech]:
    """The texts in the speaker's voice, each with the times of its blank-separated words.

    Raises RuntimeError where the synthesiser reads a text as another number of words.
    """
    engine = _festival if speaker.voice in FESTIVAL_SETUP else _flite
    spellings = [re.sub(r"\w+", lambda word: SAID_AS.get(word[0].lower(), word[0]), text) for text in texts]
    spoken = []
    for text, (pcm, rate_hz, times) in zip(texts, engine(speaker, spellings), strict=True):
        names = [token.strip(".,!?") for token in text.split()]
        if len(names) != len(times):
            raise RuntimeError(f"{speaker.voice} reads {len(times)} words in {text!r}, not {len(names)}")
        spoken.append(_trimmed(pcm, rate_hz * speaker.tract, names, np.array(times) / speaker.tract))
    return spoken


def _trimmed(pcm: NDArray[np.int16], rate_hz: float, names: list[str], times: NDArray[np.float64]) -> Speech:
    first = max(0.0, float(times[0, 0]) - LEAD_S)
    samples = pcm[round(first * rate_hz) : round((float(times[-1, 1]) + TAIL_S) * rate_hz)] / 32768.0
    fade = np.linspace(0.0, 1.0, round(FADE_S * rate_hz))
    samples[: len(fade)] *= fade
    samples[-len(fade) :] *= fade[::-1]
    words = tuple(
        Word(text=n, start_s=float(s - first), end_s=float(e - first)) for n, (s, e) in zip(names, times, strict=True)
    )
    return Speech(samples=samples, sample_rate_hz=rate_hz, words=words)


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class _Voice(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


_STRETCH, _PITCH = b"duration_stretch", b"f0_shift"  # flite keeps the pointer to a name, not a copy
_TOKEN_START = b"daughter1.R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_TOKEN_END = b"daughtern.R:SylStructure.daughtern.daughtern.end"


def _flite_library() -> Any:
    lib = ctypes.CDLL("libflite.so.1")
    pointer, name = ctypes.c_void_p, ctypes.c_char_p
    for function, result, arguments in (
        ("flite_synth_text", pointer, [name, pointer]),
        ("flite_feat_set_float", None, [pointer, name, ctypes.c_float]),
        ("utt_relation", pointer, [pointer, name]),
        ("relation_head", pointer, [pointer]),
        ("item_next", pointer, [pointer]),
        ("ffeature_float", ctypes.c_float, [pointer, name]),
        ("utt_wave", pointer, [pointer]),
        ("delete_utterance", None, [pointer]),
    ):
        getattr(lib, function).restype, getattr(lib, function).argtypes = result, arguments
    lib.flite_init()
    return lib


_Spoken = tuple[NDArray[np.int16], int, list[tuple[float, float]]]


def _flite(speaker: Speaker, texts: Sequence[str]) -> list[_Spoken]:
    lib = _flite_library()
    register = ctypes.CDLL(f"libflite_{speaker.voice}.so.1")[f"register_{speaker.voice}"]
    register.restype, register.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    voice = register(None)
    features = _Voice.from_address(voice).features
    lib.flite_feat_set_float(features, _STRETCH, speaker.tract / speaker.pace)
    lib.flite_feat_set_float(features, _PITCH, speaker.pitch)
    spoken = []
    for text in texts:
        utterance = lib.flite_synth_text(text.encode(), voice)
        times, token = [], lib.relation_head(lib.utt_relation(utterance, b"Token"))
        while token:
            times.append((lib.ffeature_float(token, _TOKEN_START), lib.ffeature_float(token, _TOKEN_END)))
            token = lib.item_next(token)
        made = _Wave.from_address(lib.utt_wave(utterance))
        pcm = np.ctypeslib.as_array(made.samples, (made.num_samples,)).copy()
        spoken.append((pcm, made.sample_rate, times))
        lib.delete_utterance(utterance)
    return spoken


_LR = "(set! int_lr_params '((target_f0_mean {f0}) (target_f0_std 14) (model_f0_mean 170) (model_f0_std 34)))"
_DIPHONE = "(voice_{voice}) (Parameter.set 'Duration_Stretch {stretch})" + _LR
_HTS = """(voice_{voice}) (set! hts_engine_params (append hts_engine_params
  '(("-r" {speed}) ("-fm" {half_tones}))))"""
FESTIVAL_SETUP = {
    "kal_diphone": (_DIPHONE, 105.0),
    "ked_diphone": (_DIPHONE, 105.0),
    "cmu_us_slt_arctic_hts": (_HTS, 0.0),
}
_SAY = """(define (say text file)
  (let ((u (utt.synth (eval (list 'Utterance 'Text text)))))
    (utt.save.wave u file 'riff)
    (mapcar (lambda (w) (format t "%s %f %f\\n" (if (item.prev (item.relation w 'Token)) "more" "new")
        (item.feat w "word_start") (item.feat w "word_end"))) (utt.relation.items u 'Word))
    (format t "end\\n")))
"""


def _festival(speaker: Speaker, texts: Sequence[str]) -> list[_Spoken]:
    template, base_f0_hz = FESTIVAL_SETUP[speaker.voice]
    setup = template.format(
        voice=speaker.voice,
        stretch=speaker.tract / speaker.pace,
        speed=speaker.pace / speaker.tract,
        f0=base_f0_hz * speaker.pitch,
        half_tones=12.0 * np.log2(speaker.pitch),
    )
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i}.wav" for i in range(len(texts))]
        says = "\n".join(f'(say "{text}" "{file}")' for text, file in zip(texts, files, strict=True))
        script = Path(folder) / "say.scm"
        script.write_text(setup + _SAY + says)
        command = ["festival", "-b", str(script)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        times = _festival_times(done.stdout)
        return [(*_read_wav(file), t) for file, t in zip(files, times, strict=True)]


def _festival_times(printed: str) -> list[list[tuple[float, float]]]:
    """Word times per text; a token that festival reads as several words ("Anna", "'s") is one word."""
    texts: list[list[tuple[float, float]]] = [[]]
    for line in printed.splitlines():
        kind, *numbers = line.split()
        if kind == "end":
            texts.append([])
        elif kind == "new":
            texts[-1].append((float(numbers[0]), float(numbers[1])))
        else:
            texts[-1][-1] = (texts[-1][-1][0], max(texts[-1][-1][1], float(numbers[1])))
    return texts[:-1]


def _read_wav(path: Path) -> tuple[NDArray[np.int16], int]:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()
