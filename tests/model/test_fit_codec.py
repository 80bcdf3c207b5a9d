"""The codec's training recipe on a minute of made-up speech: it learns, resumes exactly, holds speakers out."""

import csv
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from model.codec import decode, encode, load_codec
from model.codec_crops import Crops, Pool
from model.codec_dsp import PitchLabels, bins_to_hz
from model.fit_codec import Fit, FitConfig, fit_codec, load_state, save_state, training_groups
from model.speech_audio import SpeechError, find_speech, held_out, pools, read_audio

RATE = 24_000
KNOWN, UNSEEN = ([f"s{k}" for k in range(40) if held_out(f"s{k}") is out] for out in (False, True))
SPEAKERS = [*KNOWN[:8], *UNSEEN[:2]]
TINY = FitConfig(batch=2, crop_frames=12, learning_rate=3e-3, unquantized_steps=20, k_means_batches=4)


def babble(seed: int, length_s: float) -> NDArray[np.float32]:
    """Speech-like: a gliding voice through moving resonances, hiss between, syllable rhythm."""
    random = np.random.default_rng(seed)
    count = int(length_s * RATE)
    time_s = np.arange(count) / RATE
    pitch_hz = random.uniform(90, 220) * 2 ** (0.25 * np.sin(2 * np.pi * random.uniform(0.3, 0.8) * time_s))
    phase = np.cumsum(pitch_hz) / RATE
    centre_hz = 700 + 300 * np.sin(2 * np.pi * 2.3 * time_s + seed)
    voice = sum(
        np.cos(2 * np.pi * k * phase) * (1 / (1 + ((k * pitch_hz - centre_hz) / 200) ** 2) + 0.1 / k)
        for k in range(1, 25)
    )
    gate = (np.sin(2 * np.pi * 3.1 * time_s) > -0.4).astype(float)
    hiss = random.standard_normal(count) * (1 - gate) * 0.3
    audio = voice * gate + hiss
    scaled: NDArray[np.float32] = (0.5 * audio / np.abs(audio).max()).astype(np.float32)
    return scaled


def write_wav(path: Path, audio: NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((audio * 32_767).astype("<i2").tobytes())


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten speakers, two of them held out, six seconds each: a minute."""
    folder = tmp_path_factory.mktemp("speech")
    for k, speaker in enumerate(SPEAKERS):
        write_wav(folder / speaker / "one.wav", babble(k, 6.0))
    return folder


@pytest.fixture
def crops(speech: Path) -> Crops:
    return Crops(pool=Pool(training_groups(speech, TINY)[0], 0), noises=[], rooms=[], samples=12 * 1_920)


def test_a_speaker_is_always_or_never_held_out() -> None:
    names = [f"speaker{k}" for k in range(700)]
    share = sum(held_out(name) for name in names) / len(names)
    assert share == pytest.approx(1 / 7, abs=0.04)


def test_held_out_speakers_are_not_trained_on(speech: Path) -> None:
    trained = {u.speaker for group in training_groups(speech, TINY) for u in group}
    assert trained == set(KNOWN[:8])


def test_an_index_names_the_speakers(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        write_wav(tmp_path / "data" / "voices" / name, babble(0, 0.3))
    with (tmp_path / "data" / "INDEX.tsv").open("w", newline="") as file:
        rows = csv.writer(file, delimiter="\t")
        rows.writerows([["path", "speaker"], ["voices/a.wav", "anna"], ["voices/b.wav", "bert"]])
    assert [u.speaker for u in find_speech(tmp_path / "data" / "voices")] == ["anna", "bert"]
    assert [u.speaker for u in find_speech(tmp_path / "data")] == ["anna", "bert"]


def test_large_folders_are_held_in_memory_a_group_at_a_time(speech: Path) -> None:
    utterances = find_speech(speech)
    groups = pools(utterances, pool_s=13.0, seed=0)
    assert [len(group) for group in groups] == [2, 2, 2, 2, 2]
    assert sorted(str(u.path) for group in groups for u in group) == sorted(str(u.path) for u in utterances)


def test_the_taught_pitch_is_the_true_one() -> None:
    time_s = np.arange(2 * RATE) / RATE
    pitch_hz = 100 * 2**time_s
    orders = np.arange(1, 12)[:, None]
    audio = (np.cos(2 * np.pi * orders * np.cumsum(pitch_hz) / RATE) / orders).sum(0)
    bins, clarity = PitchLabels()(torch.from_numpy(audio.astype(np.float32) * 0.1)[None])
    found_hz = bins_to_hz(bins)[0].numpy()[10:-10]
    assert np.abs(found_hz / pitch_hz[::240][10:-10] - 1).max() < 0.01
    assert float(clarity[0, 10:-10].min()) > 0.5


def test_crops_follow_from_the_seed_alone(crops: Crops) -> None:
    first, again, other = (crops.batch(3, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (3, 12 * 1_920)
    assert float(first.abs().max()) <= 1.0 + 1e-6


def held_out_loss(fit: Fit, speech: Path) -> float:
    """Mel and envelope loss on the held-out speakers, with the decoder's own pitch."""
    audio = torch.stack(
        [torch.from_numpy(read_audio(u.path)[:96_000]) for u in find_speech(speech) if held_out(u.speaker)]
    )
    bins, clarity = PitchLabels()(audio)
    with torch.no_grad():
        parts, _, _ = fit.losses(
            audio, torch.stack([bins, clarity], 1), torch.Generator().manual_seed(0), training=False
        )
    return float(parts["mel"] + parts["envelope"])


@pytest.mark.slow
def test_the_loss_on_held_out_speakers_falls(crops: Crops, speech: Path) -> None:
    fit = Fit(TINY, "cpu")
    before = held_out_loss(fit, speech)
    for _ in range(60):
        fit.step(crops)
    assert fit.progress.step > TINY.unquantized_steps
    assert held_out_loss(fit, speech) < 0.6 * before


def test_a_resumed_training_goes_on_exactly(crops: Crops, tmp_path: Path) -> None:
    config = FitConfig(batch=1, crop_frames=8, unquantized_steps=2, k_means_batches=2, save_every=4)
    whole, first, second = (Fit(config, "cpu") for _ in range(3))
    for _ in range(4):
        whole.step(crops)
    for _ in range(3):
        first.step(crops)
    save_state(first, tmp_path)
    load_state(second, tmp_path)
    second.step(crops)
    states = whole.net.state_dict(), second.net.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    with pytest.raises(SpeechError, match="other settings"):
        load_state(Fit(TINY, "cpu"), tmp_path)


def test_the_encoder_stands_still_at_the_end(crops: Crops) -> None:
    config = FitConfig(steps=4, batch=1, crop_frames=8, unquantized_steps=1, k_means_batches=2, encoder_until=0.5)
    fit = Fit(config, "cpu")
    states = []
    for _ in range(3):
        fit.step(crops)
        states.append({name: t.clone() for name, t in fit.net.state_dict().items()})
    moved = [{name.split(".")[0] for name in a if not torch.equal(a[name], b[name])} for a, b in pairwise(states)]
    assert moved == [{"encoder", "quantizer", "decoder"}, {"quantizer", "decoder"}]


def test_training_writes_weights_that_load_and_a_card(speech: Path, tmp_path: Path) -> None:
    config = FitConfig(steps=6, batch=1, crop_frames=8, unquantized_steps=1, k_means_batches=2)
    lines: list[str] = []
    weights = fit_codec(speech, tmp_path / "out", config=config, report=lines.append)
    assert {t.dtype for t in load_file(weights).values()} == {torch.float16}
    codec = load_codec(str(weights))
    assert decode(codec, encode(codec, babble(3, 1.0))).shape == (13 * 1_920,)
    card = (tmp_path / "out" / "codec.md").read_text(encoding="utf-8")
    assert codec.digest in card
    assert lines


def test_a_folder_without_speech_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="no audio file in"):
        fit_codec(tmp_path, tmp_path / "out", config=TINY)
