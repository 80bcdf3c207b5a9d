"""The committed demo recordings are what they say: words, channels, timing, licences. Needs no synthesiser."""

import csv
import importlib.util
import itertools
import json
import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ROOT / "demo/recordings"
SHARED_TURNS = ROOT.parent / "shared/data/turns"
RATE_HZ = 16_000
TRUTHS = {path.stem: json.loads(path.read_text()) for path in sorted((RECORDINGS / "truth").glob("*.json"))}
MIXTURES = ("mixture-directions", "mixture-radio")
BROKEN = "broken-interrupted.m4a"


def manifest() -> list[dict[str, str]]:
    with (RECORDINGS / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def files_of(name: str) -> list[Path]:
    row = next(r for r in manifest() if r["transcript"] == f"truth/{name}.json")
    return [RECORDINGS / row[column] for column in ("path", "path_b") if row[column]]


def read(path: Path, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    """float32 [channels, samples], full scale 1."""
    resampler = av.AudioResampler(format="fltp", rate=rate_hz)
    with av.open(str(path)) as container:
        frames = [f for frame in container.decode(audio=0) for f in resampler.resample(frame)]
        return np.concatenate([f.to_ndarray() for f in (*frames, *resampler.resample(None))], axis=1)


def true_channels(name: str) -> NDArray[np.float32]:
    if name in MIXTURES:
        return read(RECORDINGS / "truth" / f"{name}.channels.flac")
    return np.concatenate([read(path) for path in files_of(name)])


def level_db(samples: NDArray[np.float32]) -> float:
    return float(10.0 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))


def spoken(truth: dict[str, Any], channel: int, n_samples: int, margin_s: float = 0.0) -> NDArray[np.bool_]:
    """bool [samples]: within a word of the channel, or no further than `margin_s` from one."""
    mask = np.zeros(n_samples, bool)
    for _, start_s, end_s, _ in truth["words"][channel]:
        mask[max(0, round((start_s - margin_s) * RATE_HZ)) : round((end_s + margin_s) * RATE_HZ)] = True
    return mask


def turn_statistics() -> ModuleType:
    spec = importlib.util.spec_from_file_location("turn_statistics", ROOT / "demo/turn_statistics.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_folder_stays_below_four_megabytes() -> None:
    assert sum(path.stat().st_size for path in RECORDINGS.rglob("*") if path.is_file()) < 4_000_000


def test_the_manifest_names_every_file_and_every_named_file_is_there() -> None:
    named = {row[column] for row in manifest() for column in ("path", "path_b", "transcript", "evidence")} - {""}
    named |= {f"truth/{name}.channels.flac" for name in MIXTURES} | {"manifest.csv"}
    assert named == {p.relative_to(RECORDINGS).as_posix() for p in RECORDINGS.rglob("*") if p.is_file()}


def test_licences_and_consent() -> None:
    rows = manifest()
    assert {row["consent"] for row in rows} == {"synthetic"}
    licences = {row["path"]: row["licence"] for row in rows}
    assert licences.pop("refused-rehearsal.ogg") == "CC-BY-ND-4.0"
    assert set(licences.values()) == {"CC0-1.0"}


def test_no_speaker_is_in_two_conversations() -> None:
    speakers = Counter(name for row in manifest() if row["speakers"] for name in row["speakers"].split("|"))
    assert len(speakers) == 2 * len(TRUTHS)
    assert set(speakers.values()) == {1}
    for row in manifest():
        if row["transcript"]:
            assert row["speakers"].split("|") == TRUTHS[Path(row["transcript"]).stem]["speakers"]


@pytest.mark.parametrize(
    ("file", "codec", "rate_hz", "channels"),
    [
        ("telephone-parcel.wav", "pcm_mulaw", 8_000, 2),
        ("studio-kitchen.left.flac", "flac", 24_000, 1),
        ("studio-kitchen.right.flac", "flac", 24_000, 1),
        ("videocall-budget.ogg", "opus", 48_000, 2),
        ("interview-lighthouse.m4a", "aac", 48_000, 2),
        ("clinic-knee.mp3", "mp3", 24_000, 2),
        ("mixture-directions.ogg", "opus", 48_000, 1),
        ("mixture-radio.mp3", "mp3", 44_100, 1),
        ("refused-rehearsal.ogg", "opus", 48_000, 2),
    ],
)
def test_containers_codecs_and_lengths(file: str, codec: str, rate_hz: int, channels: int) -> None:
    with av.open(str(RECORDINGS / file)) as container:
        context = container.streams.audio[0].codec_context
        assert (context.codec.canonical_name, context.sample_rate, context.channels) == (codec, rate_hz, channels)
    truth = TRUTHS[file.partition(".")[0]]
    assert read(RECORDINGS / file).shape[1] / RATE_HZ == pytest.approx(truth["duration_s"], abs=0.01)


def test_the_broken_file_lost_its_index() -> None:
    with pytest.raises(av.error.InvalidDataError):
        av.open(str(RECORDINGS / BROKEN))


def test_the_words_are_those_of_the_dialogues() -> None:
    name, written = "", {key: (Counter[str](), Counter[str]()) for key in TRUTHS}
    for line in (ROOT / "demo/dialogues.txt").read_text().splitlines():
        if header := re.match(r"\[([\w-]+)\]", line):
            name = header[1]
        elif line and not line.startswith("#"):
            speaker, text = line.split(": ", 1)
            own = TRUTHS[name]["speakers"].index(speaker)
            said_by_the_other = " ".join(re.findall(r"\{(.*?)\}", text))
            own_text = re.sub(r"\{.*?\}|\(\d\.\d\)", " ", text)
            written[name][own].update(re.findall(r"[\w']+", own_text))
            written[name][1 - own].update(re.findall(r"[\w']+", said_by_the_other))
    for key, truth in TRUTHS.items():
        assert tuple(Counter(word[0] for word in channel) for channel in truth["words"]) == written[key]


@pytest.mark.parametrize("name", TRUTHS)
def test_truth_is_consistent(name: str) -> None:
    truth = TRUTHS[name]
    for words, ipus in zip(truth["words"], truth["ipus"], strict=True):
        times = [time for _, start_s, end_s, _ in words for time in (start_s, end_s)]
        assert times == sorted(times)
        assert {word[3] for word in words} == {1.0}
        assert all(b[0] - a[1] >= 0.2 for a, b in itertools.pairwise(ipus))
        assert all(any(s <= word[1] and word[2] <= e for s, e in ipus) for word in words)
    first_s = min(words[0][1] for words in truth["words"])
    last_s = max(words[-1][2] for words in truth["words"])
    assert 0.3 <= first_s <= 1.0
    assert 0.3 <= truth["duration_s"] - last_s <= 1.0
    backchannels = [e for e in truth["events"] if e["kind"] == "backchannel"]
    assert all(0.1 < e["end_s"] - e["start_s"] < 1.0 for e in backchannels)


@pytest.mark.parametrize("name", TRUTHS)
def test_words_sound_and_the_rest_is_silent(name: str) -> None:
    truth, audio = TRUTHS[name], true_channels(name)
    for channel, samples in enumerate(audio):
        active_db = level_db(samples[spoken(truth, channel, len(samples))])
        quiet = ~spoken(truth, channel, len(samples), margin_s=0.15)
        assert -30.0 < active_db < -20.0
        assert level_db(samples[quiet]) < active_db - 24.0
        nobody = quiet & ~spoken(truth, 1 - channel, len(samples), margin_s=0.15)
        assert level_db(samples[nobody]) < -50.0
        words = [samples[round(w[1] * RATE_HZ) : round(w[2] * RATE_HZ)] for w in truth["words"][channel]]
        assert np.mean([level_db(word) > active_db - 20.0 for word in words]) > 0.97


def test_telephone_crosstalk_is_35_db_down() -> None:
    truth, audio = TRUTHS["telephone-parcel"], read(RECORDINGS / "telephone-parcel.wav", 8_000)
    at_16_khz = 2 * audio.shape[1]
    for channel in (0, 1):
        alone = spoken(truth, 1 - channel, at_16_khz) & ~spoken(truth, channel, at_16_khz, margin_s=0.15)
        here = alone[::2]
        heard, other = audio[channel][here], np.roll(audio[1 - channel], 4)[here]
        assert 20.0 * np.log10(np.dot(heard, other) / np.dot(other, other)) == pytest.approx(-35.0, abs=1.5)


@pytest.mark.parametrize(("name", "background_db"), [("mixture-directions", -65.0), ("mixture-radio", -36.0)])
def test_a_mixture_is_the_sum_of_its_true_channels(name: str, background_db: float) -> None:
    mixture, channels = read(files_of(name)[0])[0], true_channels(name)
    n = min(mixture.shape[0], channels.shape[1])
    gains = np.linalg.lstsq(channels[:, :n].T, mixture[:n], rcond=None)[0]
    np.testing.assert_allclose(gains, 1.0, atol=0.1)
    rest_db = level_db(mixture[:n] - channels[:, :n].sum(axis=0))
    speech_db = level_db(channels)
    assert rest_db < 10.0 * np.log10(10 ** (background_db / 10) + 10 ** ((speech_db - 12.0) / 10))
    assert rest_db > background_db - 3.0


def test_floor_transfers_by_hand() -> None:
    turns = [(0, 0.0, 2.0), (1, 1.5, 3.0), (0, 3.25, 4.0), (1, 3.5, 3.75), (0, 4.5, 5.0), (1, 5.0, 6.0)]
    # the fourth lies inside the third: no change; the third and the fifth are one speaker's
    assert turn_statistics().floor_transfers_s(turns) == [-0.5, 0.25, 0.0]


@pytest.mark.shared
def test_floor_transfers_of_real_consultations() -> None:
    """The same count gives the figures published with the real turns (for a larger set of the same corpus)."""
    if not SHARED_TURNS.is_dir():
        pytest.skip("no shared/data beside the repository")
    turns: dict[str, list[tuple[int, float, float]]] = {}
    with (SHARED_TURNS / "primock57.tsv").open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            turn = (int(row["speaker"] == "doctor"), float(row["start_s"]), float(row["end_s"]))
            turns.setdefault(row["conversation"], []).append(turn)
    count = turn_statistics().floor_transfers_s
    offsets = np.array([offset for conversation in turns.values() for offset in count(conversation)])
    assert np.median(offsets) == pytest.approx(0.19, abs=0.05)
    assert np.mean(offsets < 0) == pytest.approx(0.366, abs=0.04)
    assert np.quantile(offsets, [0.05, 0.95]) == pytest.approx([-1.047, 1.381], abs=0.1)


def test_turn_taking_is_like_peoples() -> None:
    """Ranges around two-party consultations and telephone calls, wide enough for some 70 changes of speaker."""
    got = turn_statistics().measure(list(TRUTHS.values()))
    assert got["changes"] >= 60
    assert 0.10 < got["fto_median_s"] < 0.28
    assert -1.3 < got["fto_p5_s"] < -0.8
    assert 1.1 < got["fto_p95_s"] < 1.65
    assert 0.30 < got["overlapped_changes"] < 0.45
    assert 0.03 < got["overlap_of_time"] < 0.08
    assert 0.08 < got["silence_of_time"] < 0.18
    assert 8.0 < got["turns_per_min"] < 14.0
    assert 1.0 < got["backchannels_per_min"] < 6.0


def test_events_follow_from_the_words() -> None:
    kinds = Counter(event["kind"] for truth in TRUTHS.values() for event in truth["events"])
    assert min(kinds[k] for k in ("overlap", "interruption", "backchannel", "pause", "gap")) >= 6
    for truth in TRUTHS.values():
        n = round(truth["duration_s"] * RATE_HZ)
        both, nobody = spoken(truth, 0, n) & spoken(truth, 1, n), ~spoken(truth, 0, n) & ~spoken(truth, 1, n)
        for event in truth["events"]:
            inside = slice(round(event["start_s"] * RATE_HZ) + 1, round(event["end_s"] * RATE_HZ) - 1)
            if event["kind"] in ("pause", "gap"):
                assert nobody[inside].all()
            elif event["kind"] == "interruption":
                assert both[inside].any()
            elif event["kind"] == "overlap":
                assert both[inside].mean() > 0.5  # an IPU holds silences below 0.2 s


@pytest.mark.filterwarnings("ignore:.torch.jit.load. is deprecated:DeprecationWarning")
def test_a_voice_activity_detector_agrees_with_the_truth() -> None:
    silero = pytest.importorskip("silero_vad").load_silero_vad()
    window, n_windows = 512, 450  # 14.4 s of each
    for name, truth in TRUTHS.items():
        for channel, samples in enumerate(true_channels(name)):
            silero.reset_states()
            windows = torch.from_numpy(samples[: n_windows * window].reshape(-1, window).copy())
            detected = np.array([silero(piece, RATE_HZ).item() > 0.5 for piece in windows])
            middle_s = (np.arange(len(detected)) + 0.5) * window / RATE_HZ
            spans = truth["ipus"][channel]
            speaking = np.any([(s <= middle_s) & (middle_s < e) for s, e in spans], axis=0)
            assert np.mean(detected == speaking) > 0.9, (name, channel)
