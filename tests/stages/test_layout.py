"""One speaker a channel, or a mixture? And how much of the other is in each: against what was put in."""

from pathlib import Path

import numpy as np
import pytest

from schemas.recording import LaidOut, LayoutKind, Mixture
from schemas.rejection import Reason, Rejection
from stages.ingest import Ingest
from stages.layout import FindLayout, Heard, classify
from stages.leakage import NO_PATH, CrosstalkMeter

RATE = 8_000


def delayed(audio: np.ndarray, delay_s: float) -> np.ndarray:
    lag = round(delay_s * RATE)
    out = np.zeros_like(audio)
    out[max(0, lag) : audio.size + min(0, lag)] = audio[max(0, -lag) : audio.size - max(0, lag)]
    return out


def bleed(audio: np.ndarray, db: tuple[float, float], delay_s: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """db[c], delay_s[c]: of the other speaker into channel c."""
    return np.stack([audio[c] + 10 ** (db[c] / 20) * delayed(audio[1 - c], delay_s[c]) for c in (0, 1)])


def measure(audio: np.ndarray, block: int = RATE):
    meter = CrosstalkMeter()
    for start in range(0, audio.shape[1], block):
        meter.push(audio[:, start : start + block].astype(np.float32))
    return meter.result()


def layout_of(audio: np.ndarray):
    return classify(Heard(n_samples=3 * audio.shape[1], n_channels=2, crosstalk=measure(audio)))


@pytest.mark.parametrize(
    ("db", "delay_s"),
    [
        ((-15, -15), (0.0, 0.0)),
        ((-15, -25), (0.1, 0.004)),
        ((-20, -35), (0.03, 0.08)),
        ((-30, -20), (-0.05, -0.01)),
        ((-35, -45), (0.002, 0.012)),
        ((-45, -45), (0.06, 0.1)),
    ],
)
def test_bleed_is_measured(talk, db, delay_s) -> None:
    found = layout_of(bleed(talk(90), db, delay_s))
    assert found.kind is LayoutKind.SEPARATE
    assert found.leakage_db == pytest.approx(db, abs=1.5)
    assert found.leakage_delay_s == pytest.approx(delay_s, abs=0.002)


def test_channels_that_share_nothing(talk) -> None:
    found = layout_of(talk(90))
    assert found.kind is LayoutKind.SEPARATE
    assert max(found.leakage_db) < -45
    assert found.coherence < 0.05


def test_a_short_silence_has_no_leak() -> None:
    assert measure(np.zeros((2, 5 * RATE))).paths == (NO_PATH, NO_PATH)


def test_swapping_the_channels_swaps_the_figures(talk) -> None:
    audio = bleed(talk(60), (-18, -28), (0.02, 0.05))
    there, back = layout_of(audio), layout_of(audio[::-1].copy())
    assert there.kind is back.kind
    assert there.leakage_db == pytest.approx(back.leakage_db[::-1], abs=0.11)
    assert there.leakage_delay_s == back.leakage_delay_s[::-1]
    assert there.coherence == pytest.approx(back.coherence, abs=2e-3)


def test_any_cutting_gives_the_same_figures(talk) -> None:
    audio = bleed(talk(60), (-18, -28), (0.02, 0.05))
    whole = measure(audio, audio.shape[1])
    for block in (777, RATE, 100_001):
        assert measure(audio, block).paths == whole.paths


def test_an_echo_in_a_room(talk) -> None:
    """The other speaker comes in by a room response of 0.3 s: its level in the channel is the truth."""
    rng = np.random.default_rng(3)
    response = rng.standard_normal(2_400) * np.exp(-np.arange(2_400) / 500)
    response[0] = 3.0
    response *= 0.1 / np.linalg.norm(response)
    audio = talk(90)
    echo = [np.convolve(audio[1 - c], response)[: audio.shape[1]] for c in (0, 1)]

    def speech_band_energy(signal: np.ndarray) -> float:
        spectrum = np.abs(np.fft.rfft(signal)) ** 2
        return float(spectrum[np.fft.rfftfreq(signal.size, 1 / RATE) > 150].sum())

    truth = [10 * np.log10(speech_band_energy(echo[c]) / speech_band_energy(audio[1 - c])) for c in (0, 1)]
    found = layout_of(audio + np.stack(echo))
    assert found.kind is LayoutKind.SEPARATE
    assert found.leakage_db == pytest.approx(truth, abs=3.0)


@pytest.mark.parametrize("gain", [0.3, -1.0, 1.0])
@pytest.mark.parametrize("lag", [0, 1])
def test_dual_mono(talk, gain, lag) -> None:
    mono = talk(60).sum(axis=0)
    found = layout_of(np.stack([mono, gain * delayed(mono, lag / RATE)]))
    assert found.kind is LayoutKind.DUAL_MONO
    assert found.coherence > 0.97


def test_dual_mono_after_mp3(talk, write_audio, read_audio, tmp_path) -> None:
    mono = talk(30).sum(axis=0) / 2
    path = write_audio(tmp_path / "a.mp3", np.stack([mono, 0.7 * mono]), RATE, "libmp3lame", bit_rate=24_000)
    assert layout_of(read_audio(path)).kind is LayoutKind.DUAL_MONO


@pytest.mark.parametrize("db", [(-3, -3), (-6, -6), (-6, -12), (0, -60), (-8, -8)])
def test_both_voices_on_a_track_are_a_mixture(talk, db) -> None:
    assert layout_of(bleed(talk(60), db)).kind is LayoutKind.MIXTURE


def test_two_microphones_in_a_room_are_a_mixture(talk) -> None:
    rng = np.random.default_rng(5)
    paths = rng.standard_normal((2, 2, 2_400)) * np.exp(-np.arange(2_400) / 400) * 0.2
    paths[:, :, :4] += np.array([[1.0, 0.6], [0.6, 1.0]])[:, :, None] * rng.uniform(0.5, 1, (2, 2, 1))
    voices = talk(60)
    audio = np.stack([sum(np.convolve(voices[s], paths[m, s])[: voices.shape[1]] for s in (0, 1)) for m in (0, 1)])
    assert layout_of(audio).kind is LayoutKind.MIXTURE


def disturbed(audio: np.ndarray, what: str) -> np.ndarray:
    t = np.arange(audio.shape[1]) / RATE
    hum = sum(0.1 / k * np.sin(2 * np.pi * 50 * k * t + k) for k in (1, 2, 3, 5, 7, 9, 11))
    return {
        "offset": audio + np.array([[0.2], [-0.1]]),
        "clipping": np.clip(audio * 8, -1, 1),
        "40 dB quieter": audio * np.array([[1.0], [0.01]]),
        "hum in both": audio + hum,
        "hum in one": audio + np.stack([np.zeros_like(hum), hum]),
    }[what]


@pytest.mark.parametrize("what", ["offset", "clipping", "40 dB quieter", "hum in both", "hum in one"])
def test_disturbed_channels_stay_separate_and_mixtures_mixed(talk, what) -> None:
    noise_db = -90.0 if what == "40 dB quieter" else -65.0
    assert layout_of(disturbed(talk(60, noise_db=noise_db), what)).kind is LayoutKind.SEPARATE
    mixed = bleed(talk(60, noise_db=noise_db), (-6, -6))
    assert layout_of(disturbed(mixed, what)).kind is LayoutKind.MIXTURE


def test_heavy_overlap_and_a_quiet_speaker_stay_separate(talk) -> None:
    assert layout_of(talk(60, overlap_s=3.0)).kind is LayoutKind.SEPARATE
    quiet = talk(60, noise_db=-75.0) * np.array([[1.0], [10 ** (-30 / 20)]])
    found = layout_of(bleed(quiet, (-25, -45), (0.01, 0.02)))
    assert found.kind is LayoutKind.SEPARATE
    assert found.leakage_db[1] == pytest.approx(-45, abs=1.5)


def find(path: str | Path, make_source, **fields: object):
    return FindLayout().load("cpu")(Ingest().load("cpu")(make_source(path, **fields)))


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 48_000])
def test_the_length_is_exact(talk, write_audio, make_source, tmp_path, rate_hz) -> None:
    audio = talk(20, rate_hz=rate_hz)[:, : 19 * rate_hz + 123]
    row = find(write_audio(tmp_path / "a.wav", audio, rate_hz, "pcm_s16le"), make_source)
    assert isinstance(row, LaidOut)
    assert row.n_samples == -(-audio.shape[1] * 24_000 // rate_hz)


def test_mixtures_say_on_which_tracks_they_are(talk, write_audio, make_source, tmp_path) -> None:
    audio = talk(20)
    mono = audio.sum(axis=0) / 2
    cases = {
        "one track": (mono[None], LayoutKind.MIXTURE, (0,)),
        "panned": (bleed(audio, (-6, -6)), LayoutKind.MIXTURE, (0, 1)),
        "left only": (np.stack([mono, 0 * mono]), LayoutKind.MIXTURE, (0,)),
        "right only": (np.stack([1e-4 * np.sin(np.arange(mono.size)), mono]), LayoutKind.MIXTURE, (1,)),
        "twice": (np.stack([mono, 0.9 * mono]), LayoutKind.DUAL_MONO, (0,)),
        "upside down": (np.stack([-0.9 * mono, mono]), LayoutKind.DUAL_MONO, (1,)),
    }
    for name, (samples, kind, tracks) in cases.items():
        row = find(write_audio(tmp_path / f"{name}.wav", samples, RATE, "pcm_s16le"), make_source)
        assert isinstance(row, Mixture), name
        assert (row.layout.kind, row.tracks, row.offset, row.background) == (kind, tracks, 0.0, None), name
        assert row.n_samples == 20 * 24_000


def test_the_offset_of_a_mixture_is_its_mean(talk, write_audio, make_source, tmp_path) -> None:
    panned = bleed(talk(20), (-6, -6)) + np.array([[0.3], [-0.1]])
    row = find(write_audio(tmp_path / "a.wav", panned, RATE, "pcm_s16le"), make_source)
    assert isinstance(row, Mixture)
    assert row.offset == pytest.approx(panned.mean(), abs=1e-4)


def test_what_is_rejected_says_what_was_seen(talk, write_audio, make_source, tmp_path) -> None:
    audio = talk(20)
    silence = np.zeros((2, 20 * RATE))
    cases = {
        "silent": (silence, Reason.SILENT, "is silent"),
        "offset": (silence + 0.25, Reason.SILENT, ""),
        "short": (audio[:, : 4 * RATE], Reason.TOO_SHORT, "lasts 4 s"),
        "one sample": (audio[:, :1] + 0.5, Reason.TOO_SHORT, "at least 5 s"),
    }
    for name, (samples, reason, words) in cases.items():
        row = find(write_audio(tmp_path / f"{name}.wav", samples, RATE, "pcm_s16le"), make_source)
        assert isinstance(row, Rejection), name
        assert (row.stage, row.reason, row.start_s) == ("layout", reason, 0.0), row
        assert row.end_s == samples.shape[1] / RATE
        assert words in row.detail
        assert "\n" not in row.detail


@pytest.mark.shared
@pytest.mark.parametrize("call", ["repairs40", "repairs49"])
def test_real_calls(shared, make_source, read_audio, write_audio, tmp_path, call) -> None:
    sides = [shared / "conversations" / f"{call}-{side}.flac" for side in ("agent", "caller")]
    row = find(sides[0], make_source, uri_b=str(sides[1]))
    assert isinstance(row, LaidOut)
    assert max(row.layout.leakage_db) < -40
    audio = read_audio(row.recording.source)
    for mixed in (audio.sum(axis=0, keepdims=True), np.stack([audio.sum(axis=0)] * 2), bleed(audio, (-6, -6))):
        path = write_audio(tmp_path / "mixed.flac", mixed / 2, RATE, "flac")
        assert isinstance(find(path, make_source), Mixture)


@pytest.mark.shared
def test_a_real_mono_call(shared, make_source) -> None:
    row = find(shared / "conversations" / "auto0-mono.flac", make_source)
    assert isinstance(row, Mixture)
    assert row.tracks == (0,)
