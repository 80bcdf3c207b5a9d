"""Material for training: who and what is held out, levels."""

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.enhancer.sounds import active_db, held_piece, load_material
from model.speech_audio import held_out

Float32 = NDArray[np.float32]
RATE = 24_000


def _write(path: Path, audio: Float32) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((audio * 32_767).astype("<i2").tobytes())


def _buzz(seed: int) -> Float32:
    """Fourteen seconds of a pulse train through a resonance, in stretches of 1.2 s with pauses of 0.4 s."""
    seconds = np.arange(14 * RATE) / RATE
    pitch_hz = 110 + 20 * seed
    phase = np.cumsum(pitch_hz * (1 + 0.05 * np.sin(2 * np.pi * 0.7 * seconds))) / RATE
    sound = sum(np.sin(2 * np.pi * k * phase) / (1 + abs(k * pitch_hz - 600) / 300) for k in range(1, 12))
    gate = np.convolve(seconds % 1.6 < 1.2, np.hanning(480) / np.hanning(480).sum(), mode="same")
    out = 0.1 * sound * gate + 1e-5 * np.random.default_rng(seed).standard_normal(seconds.size)
    return out.astype(np.float32)


def test_what_is_held_out_is_never_trained_on(tmp_path: Path) -> None:
    known = [f"s{k}" for k in range(40) if not held_out(f"s{k}")][:2]
    unseen = [f"s{k}" for k in range(40) if held_out(f"s{k}")][:1]
    for seed, speaker in enumerate((*known, *unseen)):
        _write(tmp_path / "speech" / speaker / "one.wav", _buzz(seed))
    for k in range(16):
        _write(tmp_path / "noise" / f"{k}.wav", 0.01 * (k + 1) * np.ones(RATE, np.float32))
    for k in range(3):
        _write(tmp_path / "music" / f"{k}.wav", 0.1 * (k + 1) * np.ones(3 * RATE, np.float32))
    folders = {"noise": tmp_path / "noise", "music": tmp_path / "music"}
    train, measure = (load_material(tmp_path / "speech", held=held, **folders) for held in (False, True))
    assert [voice.name for voice in train.voices] == known
    assert [voice.name for voice in measure.voices] == unseen
    loudness = [{round(float(noise.max()), 3) for noise in m.sounds.noises} for m in (train, measure)]
    assert not loudness[0] & loudness[1]
    assert len(loudness[0] | loudness[1]) == 16
    piece = 0.1 * (held_piece(["0.wav", "1.wav", "2.wav"]) + 1)
    assert [m.max() for m in measure.sounds.music] == pytest.approx([piece], abs=1e-3)
    assert len(train.sounds.music) == 2
    assert all(abs(m.max() - piece) > 0.05 for m in train.sounds.music)


def test_the_level_is_that_of_the_active_frames() -> None:
    sine = np.sin(2 * np.pi * 1_000 * np.arange(RATE) / RATE)  # -3.01 dB
    half = np.concatenate([sine, np.zeros(RATE)])
    assert active_db(half) == pytest.approx(20 * np.log10(np.sqrt(0.5)), abs=1e-6)
    assert active_db(np.zeros(RATE)) == -np.inf
    assert active_db(np.zeros(0)) == -np.inf


def test_the_held_piece_follows_from_its_name() -> None:
    names = [f"{k}.opus" for k in range(9)]
    assert names[::-1][held_piece(names[::-1])] == names[held_piece(names)]
