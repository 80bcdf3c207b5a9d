"""Who speaks when: thresholds by hand, and bleed that does not count."""

import csv
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.resample import Resampler, to_int16
from model.speech import runs, speech_flags
from model.vad import StreamingVad, load_vad
from schemas.conversation import Diarized, Segment, Span
from schemas.recording import LaidOut, Layout, LayoutKind, Recording
from schemas.rejection import Reason, Rejection
from stages.diarize import Diarize, activity, own_flags, own_speech, window_energy
from stages.ingest import Ingest
from stages.layout import FindLayout
from stages.split import Split

RATE = 24_000
WINDOW_S = 768 / RATE
DEMO = Path(__file__).resolve().parents[2] / "demo" / "recordings"


def layout(leakage_db: tuple[float, float], delay_s: tuple[float, float] = (0.0, 0.0)) -> Layout:
    return Layout(kind=LayoutKind.SEPARATE, leakage_db=leakage_db, leakage_delay_s=delay_s, coherence=0.0)


NO_LEAK = layout((-120.0, -120.0))


@pytest.fixture
def make_span(make_source) -> Callable[..., Span]:
    """A span of given PCM and probabilities [2, windows]."""

    def make(pcm: np.ndarray, speech: np.ndarray, found: Layout = NO_LEAK) -> Span:
        source = make_source("a.wav")
        recording = Recording(
            recording_id="0" * 64,
            source=source,
            licence=source.licence,
            container="wav",
            codec="pcm_s16le",
            sample_rate_hz=RATE,
            n_channels=2,
            size_bytes=1,
        )
        return Span(
            source=LaidOut(recording=recording, layout=found, n_samples=pcm.shape[1]),
            start_sample=0,
            end_sample=pcm.shape[1],
            pcm=pcm.astype(np.int16).tobytes(),
            speech=speech.astype(np.float16).tobytes(),
        )

    return make


def test_segments_by_hand(make_span) -> None:
    """A backchannel of 0.128 s stays, a click of 0.064 s goes, a gap of 0.064 s is closed."""
    speech = np.zeros((2, 100))
    speech[0, 10:50] = 0.9
    speech[0, 20:22] = 0.1
    speech[1, 30:34] = 0.9
    speech[1, 40:42] = 0.9
    speech[1, 97:] = 0.9
    span = make_span(np.zeros((2, 99 * 768 + 100)), speech)
    assert activity(span) == (
        Segment(channel=0, start_s=10 * WINDOW_S, end_s=50 * WINDOW_S),
        Segment(channel=1, start_s=30 * WINDOW_S, end_s=34 * WINDOW_S),
        Segment(channel=1, start_s=97 * WINDOW_S, end_s=(99 * 768 + 100) / RATE),
    )


def test_both_must_speak(make_span) -> None:
    speech = np.zeros((2, 200))
    speech[0, 10:150] = 0.9
    speech[1, 160 : 160 + 31] = 0.9  # 0.992 s
    pcm = np.zeros((2, 200 * 768))
    lost = Diarize().load("cpu")(make_span(pcm, speech))
    assert isinstance(lost, Rejection)
    assert (lost.reason, lost.stage, lost.start_s, lost.end_s) == (Reason.ONE_SPEAKER, "diarize", 0.0, 6.4)
    assert "channel 1 for 1.0 s" in lost.detail
    speech[1, 191] = 0.9
    assert isinstance(Diarize().load("cpu")(make_span(pcm, speech)), Diarized)


def test_energy_by_definition() -> None:
    rng = np.random.default_rng(0)
    pcm = rng.integers(-20_000, 20_000, (2, 1_500_000)).astype(np.int16)
    energy = window_energy(pcm)
    assert energy.shape == (2, -(-1_500_000 // 768))
    assert energy[1, 1500] == pytest.approx(np.var(pcm[1, 1500 * 768 : 1501 * 768] / 32768.0), rel=1e-5)
    assert window_energy(np.full((2, 5 * 768), 9_000, np.int16)) == pytest.approx(0.0)


def test_a_leak_is_no_speech_and_own_speech_over_it_is() -> None:
    """Channel 0 speaks in windows 20-60; its leak of -20 dB comes 0.1 s later; channel 1 itself speaks in 40-50."""
    energy = np.full((2, 100), 1e-8)
    energy[0, 20:60] = 1e-2
    energy[1, 23:63] += 1e-4
    energy[1, 40:50] += 4e-3
    speech = np.where(energy > 1e-6, 0.9, 0.1).astype(np.float32)
    own = own_speech(speech, energy, layout((-120.0, -20.0), (0.0, 0.1)))
    assert np.array_equal(own[0], speech[0])
    assert runs(own[1] > 0.5).tolist() == pytest.approx(np.array([[38, 52]]), abs=1)
    unaware = own_speech(speech, energy, NO_LEAK)
    assert np.array_equal(unaware, speech)
    swapped = own_speech(speech[::-1], energy[::-1], layout((-20.0, -120.0), (0.1, 0.0)))
    assert np.array_equal(swapped[::-1], own)


def test_a_stretch_that_nowhere_rises_above_leak_and_noise_is_no_speech() -> None:
    """Channel 1: noise at -54 dB, in which the detector hears the other's leak of -57 dB; then a quiet word."""
    energy = np.full((2, 200), 4e-6) * (1 + 0.1 * np.sin(np.arange(200)))
    energy[0, 20:60] = 6e-3
    energy[1, 20:60] += 2e-6
    energy[1, 120:128] += 4e-5
    speech = np.where(energy > 2e-5, 0.9, 0.1).astype(np.float32)
    speech[1, 50:66] = 0.9
    found = layout((-120.0, -35.0))
    assert own_speech(speech, energy, found)[1, 62:66].min() > 0.5
    assert runs(own_flags(speech, energy, found)[1]).tolist() == [[120, 128]]
    assert runs(own_flags(speech, energy, NO_LEAK)[1]).tolist() == [[50, 66], [120, 128]]


def test_crosstalk_on_the_telephone_is_no_backchannel(make_source) -> None:
    """The demo's call with bleed of -35 dB: nobody is active where the transcript has no word of his near."""
    uri = DEMO / "telephone-parcel.wav"
    truth = json.loads((DEMO / "truth" / "telephone-parcel.json").read_text())
    laid_out = FindLayout().load("cpu")(Ingest().load("cpu")(make_source(uri)))
    (span,) = Split().load("cpu")(laid_out)
    assert max(span.source.layout.leakage_db) == pytest.approx(-35.0, abs=2.0)
    for segment in activity(span):
        words = truth["words"][segment.channel]
        assert any(start_s < segment.end_s and end_s > segment.start_s for _, start_s, end_s, _ in words)


def delayed(audio: np.ndarray, delay_s: float) -> np.ndarray:
    lag = round(delay_s * RATE)
    return np.pad(audio, (lag, 0))[: audio.size]


def bleed(audio: np.ndarray, db: float, delay_s: float) -> np.ndarray:
    gain = 10 ** (db / 20)
    return np.stack([audio[c] + gain * delayed(audio[1 - c], delay_s) for c in (0, 1)])


def probabilities(audio: np.ndarray) -> np.ndarray:
    vad = StreamingVad(load_vad(), 2)
    pcm = to_int16(audio.astype(np.float32))
    return np.concatenate([vad.push(pcm), vad.flush()], axis=1).astype(np.float32)


def errors(truth: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Per cent of all time, both channels; and the share of backchannels (under 1 s) that were half covered."""
    short = [(c, a, b) for c in (0, 1) for a, b in runs(truth[c]) if (b - a) * WINDOW_S < 1.0]
    return {
        "false": 100 * float((found & ~truth).mean()),
        "missed": 100 * float((truth & ~found).mean()),
        "backchannels": float(np.mean([found[c, a:b].mean() >= 0.5 for c, a, b in short])) if short else 1.0,
    }


def with_and_without(audio: np.ndarray, db: float, delay_s: float) -> tuple[dict[str, float], dict[str, float]]:
    """Errors on bled audio against the same detector on the clean channels, unaware of the leak and aware."""
    truth = np.stack([speech_flags(p) for p in probabilities(audio)])
    heard = bleed(audio, db, delay_s)
    speech = probabilities(heard)
    energy = window_energy(to_int16(heard.astype(np.float32)))
    own = own_flags(speech, energy, layout((db, db), (delay_s, delay_s)))
    return errors(truth, np.stack([speech_flags(p) for p in speech])), errors(truth, own)


@pytest.mark.parametrize("db", [-15.0, -25.0])
def test_bleed_does_not_count(kitchen, db) -> None:
    unaware, aware = with_and_without(kitchen[0], db, 0.02)
    assert unaware["false"] > 15
    assert aware["false"] < 3
    assert aware["missed"] < 2
    assert aware["backchannels"] > 0.9


def real_conversation(shared: Path, number: int, read_audio, seconds: float = 90.0) -> np.ndarray:
    """Readers' speech placed by the turns of a real consultation, float32 [2, n] at 24 kHz."""
    turns = defaultdict(list)
    with (shared / "turns" / "primock57.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            turns[row["conversation"]].append((row["speaker"], float(row["start_s"]), float(row["end_s"])))
    voices = []
    for reader in ("kathleen-en", "kerstin-de"):
        clips = sorted((shared / "speech" / reader).iterdir())[number * 15 : number * 15 + 15]
        audio = np.concatenate([read_audio(path)[0] for path in clips])  # Opus: 48 kHz
        resampler = Resampler(48_000, RATE, 1)
        audio = np.concatenate([resampler.push(audio[None]), resampler.flush()], axis=1)[0]
        voices.append(audio / np.sqrt(np.mean(audio[np.abs(audio) > 0.02] ** 2)) * 0.08)
    out = np.random.default_rng(number).standard_normal((2, int(seconds * RATE))) * 10 ** (-70 / 20)
    used = [0, 0]
    speakers: list[str] = []
    for speaker, start_s, end_s in turns[sorted(turns)[number]]:
        if speaker not in speakers:
            speakers.append(speaker)
        channel = speakers.index(speaker)
        place = out[channel, int(start_s * RATE) : int(end_s * RATE)]
        piece = np.take(voices[channel], np.arange(used[channel], used[channel] + place.size), mode="wrap")
        place += piece * np.minimum(1.0, np.minimum(np.arange(place.size), np.arange(place.size)[::-1]) / 240)
        used[channel] += place.size
    return out


@pytest.mark.shared
@pytest.mark.slow
def test_bleed_in_real_conversations(shared, read_audio) -> None:
    """Figures, printed with -s: per cent of time false and missed, and recall of backchannels under 1 s."""
    for db in (-15.0, -20.0, -25.0, -30.0, -35.0):
        both = [with_and_without(real_conversation(shared, n, read_audio), db, 0.02) for n in (0, 5)]
        means = [{k: float(np.mean([pair[i][k] for pair in both])) for k in both[0][0]} for i in (0, 1)]
        print(f"bleed {db:.0f} dB: unaware {means[0]}, aware {means[1]}")  # noqa: T201
        assert means[1]["false"] < 2.5
        assert means[1]["missed"] < 2.5
        assert means[1]["backchannels"] > 0.85
        if db > -30:
            assert means[0]["false"] > 5 * means[1]["false"]
