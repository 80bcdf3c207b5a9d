"""Audio for the tests of the stages: written in any container, seeded, or the demo's own conversations."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.licences.expressions import rights_of
from schemas.licence import Consent, Licence
from schemas.recording import Source
from stages.decode import decode

Float32 = NDArray[np.float32]
DEMO = Path(__file__).resolve().parents[2] / "demo" / "recordings"
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
CC0 = Licence(spdx="CC0-1.0", consent=Consent.SYNTHETIC, rights=rights_of("CC0-1.0"))
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def _write_audio(
    path: Path,
    audio: NDArray[np.floating],
    rate_hz: int,
    codec: str,
    *,
    sample_format: str | None = None,
    container: str | None = None,
    bit_rate: int | None = None,
    picture: bool = False,
    options: dict[str, str] | None = None,
) -> str:
    layout = _LAYOUTS[audio.shape[0]]
    with av.open(str(path), "w", format=container, options=options or {}) as file:
        film = file.add_stream("mpeg4", rate=25, width=32, height=32, pix_fmt="yuv420p") if picture else None
        stream = file.add_stream(codec, rate=rate_hz, layout=layout)
        if sample_format:
            stream.codec_context.format = sample_format
        if bit_rate:
            stream.bit_rate = bit_rate
        if film is not None:
            for number in range(int(audio.shape[1] / rate_hz * 25)):
                image = av.VideoFrame.from_ndarray(np.full((32, 32, 3), number % 256, np.uint8), format="rgb24")
                file.mux(film.encode(image))
            file.mux(film.encode(None))
        stream.codec_context.options = {"strict": "experimental"} if codec == "vorbis" else {}
        stream.codec_context.open(strict=False)
        whole = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio, np.float32), format="fltp", layout=layout)
        whole.sample_rate, whole.time_base, whole.pts = rate_hz, Fraction(1, rate_hz), 0
        converter = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate_hz)
        fifo = av.AudioFifo()
        for frame in [*converter.resample(whole), *converter.resample(None)]:
            fifo.write(frame)
        for frame in fifo.read_many(stream.codec_context.frame_size or 4096, partial=True):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return str(path)


@pytest.fixture
def write_audio() -> Callable[..., str]:
    """(path, float [channels, n], rate_hz, codec) -> the path as text; the container follows from the name."""
    return _write_audio


@pytest.fixture
def make_source() -> Callable[..., Source]:
    """A source under CC0."""

    def make(uri: str | Path, **fields: object) -> Source:
        return Source(**{"uri": str(uri), "licence": CC0, "origin": "test", **fields})

    return make


@pytest.fixture
def read_audio() -> Callable[..., Float32]:
    """All of a source, or of a path, float32 [channels, n]."""

    def read(source: Source | str | Path) -> Float32:
        if not isinstance(source, Source):
            source = Source(uri=str(source), origin="test")
        return np.concatenate(list(decode(source)), axis=1)

    return read


def _voice(rng: np.random.Generator, n: int, rate_hz: int, pitch_hz: float) -> Float32:
    """Speech-like: syllables of a gliding harmonic sound with two moving formants, and hisses between them."""
    out = np.zeros(n)
    at = 0
    while at < n:
        length = int(rate_hz * rng.uniform(0.08, 0.3))
        t = np.arange(length) / rate_hz
        if rng.random() < 0.25:
            sound = rng.standard_normal(length) * 0.2
        else:
            phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + rng.uniform(-0.2, 0.2) * t / t[-1])) / rate_hz
            formants = rng.uniform((300, 900), (900, 2500))
            harmonics = np.arange(1, int(0.45 * rate_hz / pitch_hz))
            gains = sum(np.exp(-(((harmonics * pitch_hz - f) / 250) ** 2)) for f in formants) + 0.02
            sound = (gains[:, None] * np.sin(harmonics[:, None] * phase)).sum(axis=0)
        sound = sound * np.hanning(length) * rng.uniform(0.4, 1.0)
        out[at : at + length] += sound[: n - at]
        at += length + int(rate_hz * rng.exponential(0.04))
    return (out / np.abs(out).max() * 0.4).astype(np.float32)


@pytest.fixture(scope="session")
def talk() -> Callable[..., Float32]:
    """Seeded conversation of two speech-like voices that take turns and overlap, float32 [2, seconds * rate_hz]."""

    def make(
        seconds: float = 60.0, rate_hz: int = 8_000, seed: int = 0, overlap_s: float = 0.3, noise_db: float = -65.0
    ) -> Float32:
        rng = np.random.default_rng(seed)
        n = int(seconds * rate_hz)
        voices = [_voice(rng, n, rate_hz, pitch) for pitch in (110.0, 190.0)]
        gates = np.zeros((2, n), np.float32)
        at, speaker = 0.3, 0
        while at < seconds:
            length = rng.uniform(1.0, 4.0)
            gates[speaker, int(at * rate_hz) : int((at + length) * rate_hz)] = 1.0
            at += length - rng.uniform(-0.4, overlap_s)
            speaker = 1 - speaker
        noise = rng.standard_normal((2, n)) * 10 ** (noise_db / 20)
        return (np.stack(voices) * gates + noise).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def kitchen() -> tuple[Float32, list[list[tuple[float, float]]]]:
    """The demo's studio pair at 24 kHz, float32 [2, n], and per channel the start and end of every word."""
    pair = Source(
        uri=str(DEMO / "studio-kitchen.left.flac"), uri_b=str(DEMO / "studio-kitchen.right.flac"), origin="test"
    )
    truth = json.loads((DEMO / "truth" / "studio-kitchen.json").read_text())
    words = [[(start, end) for _, start, end, _ in channel] for channel in truth["words"]]
    return np.concatenate(list(decode(pair)), axis=1), words


@pytest.fixture
def shared() -> Path:
    """The folder of real recordings beside the repository; skips where there is none."""
    if not SHARED.is_dir():
        pytest.skip("no recordings in ../shared/data")
    return SHARED
