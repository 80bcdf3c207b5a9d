"""The built-in codec through its interface: shapes, exact streams, causality, silence, level, pitch, clear errors."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save_file

from model.codec import Codec, CodecError, decode, encode, load_codec

RATE = 24_000
FORMANTS = ((150.0, 200.0, 0.5), (600.0, 80.0, 1.0), (1_200.0, 100.0, 0.4), (2_600.0, 150.0, 0.1))


@pytest.fixture(scope="module")
def codec() -> Codec:
    return load_codec("builtin")


def vowel(start_hz: float, end_hz: float, length_s: float = 3.0) -> NDArray[np.float32]:
    """A pitch glide through three resonances, pulsing in level as syllables do, at -23 dB or so."""
    count = int(length_s * RATE)
    pitch_hz = start_hz * (end_hz / start_hz) ** (np.arange(count) / count)
    phase = np.cumsum(pitch_hz) / RATE
    audio = np.zeros(count)
    for k in range(1, 40):
        hz = k * pitch_hz
        gain = sum(high / (1 + ((hz - centre) / width) ** 2) for centre, width, high in FORMANTS)
        audio += np.where(hz < 4_000, gain, 0.0) * np.cos(2 * np.pi * k * phase)
    audio *= 0.6 + 0.4 * np.sin(2 * np.pi * 4 * np.arange(count) / RATE)
    scaled: NDArray[np.float32] = (0.1 * audio / audio.std()).astype(np.float32)
    return scaled


def autocorrelation_pitch_hz(audio: NDArray[np.float32]) -> float:
    """Pitch of a short stretch: the highest peak of the autocorrelation between 60 and 400 Hz."""
    low = np.convolve(audio, np.hanning(25) / 12.5, mode="same")
    spectrum = np.fft.rfft(low * np.hanning(low.size), 4 * low.size)
    correlation = np.fft.irfft(np.square(np.abs(spectrum)))
    shortest, longest = RATE // 400, RATE // 60
    return RATE / (shortest + int(np.argmax(correlation[shortest:longest])))


def test_shapes_and_types(codec: Codec) -> None:
    codes = encode(codec, vowel(120, 160, 1.0))
    assert codes.shape == (8, 13)
    assert codes.dtype == np.int16
    assert codes.min() >= 0 and codes.max() < 2_048
    audio = decode(codec, codes)
    assert audio.shape == (13 * 1_920,)
    assert audio.dtype == np.float32


def test_nothing_in_gives_nothing_out(codec: Codec) -> None:
    assert encode(codec, np.zeros(0, np.float32)).shape == (8, 0)
    assert decode(codec, np.zeros((8, 0), np.int16)).shape == (0,)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(cuts=st.lists(st.integers(0, 5 * RATE + 77), max_size=8))
def test_cutting_the_audio_changes_no_code(codec: Codec, cuts: list[int]) -> None:
    audio = np.random.default_rng(1).standard_normal(5 * RATE + 77).astype(np.float32) * np.float32(0.05)
    encoder = codec.encoder()
    pieces = [encoder.push(piece) for piece in np.split(audio, sorted(cuts))]
    assert np.array_equal(np.concatenate([*pieces, encoder.flush()], axis=1), encode(codec, audio))


@settings(max_examples=6, deadline=None, derandomize=True)
@given(cuts=st.lists(st.integers(0, 63), max_size=8), frames=st.sampled_from([1, 24, 25, 26, 50, 63]))
def test_cutting_the_codes_changes_no_sample(codec: Codec, cuts: list[int], frames: int) -> None:
    codes = np.random.default_rng(2).integers(0, 2_048, (8, frames)).astype(np.int16)
    decoder = codec.decoder()
    pieces = [decoder.push(piece) for piece in np.split(codes, sorted(min(c, frames) for c in cuts), axis=1)]
    audio = np.concatenate([*pieces, decoder.flush()])
    assert audio.shape == (frames * 1_920,)
    assert np.array_equal(audio, decode(codec, codes))


def test_the_number_of_threads_changes_nothing(codec: Codec) -> None:
    audio = vowel(100, 200)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            codes = encode(codec, audio)
            results.append((codes, decode(codec, codes)))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(results[0][1], results[1][1])


@pytest.mark.parametrize("frame", [1, 10, 25, 31])
def test_codes_depend_on_no_later_sample(codec: Codec, frame: int) -> None:
    audio = vowel(100, 200)
    changed = audio.copy()
    changed[frame * 1_920 :] = np.random.default_rng(0).standard_normal(audio.size - frame * 1_920) * 0.3
    assert np.array_equal(encode(codec, changed)[:, :frame], encode(codec, audio)[:, :frame])
    assert not np.array_equal(encode(codec, changed), encode(codec, audio))


def test_an_encoder_starts_anew_after_its_end(codec: Codec) -> None:
    audio = vowel(150, 120, 1.3)
    encoder, decoder = codec.encoder(), codec.decoder()
    first, second = (np.concatenate([encoder.push(audio), encoder.flush()], axis=1) for _ in range(2))
    assert np.array_equal(first, second)
    once, again = (np.concatenate([decoder.push(first), decoder.flush()]) for _ in range(2))
    assert np.array_equal(once, again)


def test_digital_silence_stays_silent(codec: Codec) -> None:
    decoded = decode(codec, encode(codec, np.zeros(4 * RATE, np.float32)))
    assert np.abs(decoded).max() < 10 ** (-50 / 20)


def test_silence_after_speech_is_silent(codec: Codec) -> None:
    audio = np.concatenate([vowel(120, 180), np.zeros(3 * RATE, np.float32)])
    decoded = decode(codec, encode(codec, audio))
    assert 20 * np.log10(decoded[4 * RATE :].std() / audio[: 3 * RATE].std()) < -35


@pytest.mark.parametrize("gain_db", [0.0, -12.0, -24.0])
def test_level_is_kept(codec: Codec, gain_db: float) -> None:
    audio = vowel(110, 190) * np.float32(10 ** (gain_db / 20))
    decoded = decode(codec, encode(codec, audio))[: audio.size]
    assert 20 * np.log10(decoded.std() / audio.std()) == pytest.approx(0.0, abs=3.0)


@pytest.mark.parametrize(("start_hz", "end_hz"), [(90.0, 150.0), (160.0, 300.0), (280.0, 180.0)])
def test_a_glide_keeps_its_pitch(codec: Codec, start_hz: float, end_hz: float) -> None:
    audio = vowel(start_hz, end_hz)
    decoded = decode(codec, encode(codec, audio))
    errors = []
    for at in range(RATE // 2, 5 * RATE // 2, 2_400):
        expected_hz = start_hz * (end_hz / start_hz) ** (at / audio.size)
        assert autocorrelation_pitch_hz(audio[at - 720 : at + 720]) == pytest.approx(expected_hz, rel=0.05)
        errors.append(abs(autocorrelation_pitch_hz(decoded[at - 720 : at + 720]) / expected_hz - 1))
    assert np.mean(np.array(errors) < 0.06) >= 0.8


def test_time_is_kept(codec: Codec) -> None:
    audio = np.concatenate([np.zeros(RATE, np.float32), vowel(120, 180, 1.0), np.zeros(RATE, np.float32)])
    decoded = decode(codec, encode(codec, audio))
    envelopes = [
        np.sqrt(np.convolve(np.square(x[: audio.size]), np.ones(480) / 480, mode="same")) for x in (audio, decoded)
    ]
    lags = range(-1_200, 1_201, 60)
    match = [float(np.dot(envelopes[0][2_400:-2_400], np.roll(envelopes[1], -lag)[2_400:-2_400])) for lag in lags]
    assert abs(lags[int(np.argmax(match))]) <= 240


def test_wrong_input_is_named(codec: Codec) -> None:
    with pytest.raises(CodecError, match="one channel at a time"):
        encode(codec, np.zeros((2, 1_920), np.float32))
    with pytest.raises(CodecError, match="NaN"):
        encode(codec, np.full(1_920, np.nan, np.float32))
    with pytest.raises(CodecError, match=r"shape \[7, 3\]"):
        decode(codec, np.zeros((7, 3), np.int16))
    with pytest.raises(CodecError, match="from 0 to 2047"):
        decode(codec, np.full((8, 3), 2_048, np.int16))


def test_wrong_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match="use builtin, mimi:"):
        load_codec("encodec")
    with pytest.raises(CodecError, match="no codec weights at"):
        load_codec(str(tmp_path / "none.safetensors"))
    (tmp_path / "text.safetensors").write_text("no tensors here")
    with pytest.raises(CodecError, match="no safetensors file"):
        load_codec(str(tmp_path / "text.safetensors"))
    save_file({"weight": np.zeros(3, np.float16)}, tmp_path / "other.safetensors")
    with pytest.raises(CodecError, match="holds another network"):
        load_codec(str(tmp_path / "other.safetensors"))
