"""Resampling and voice activity: streamed equals at once, and speech is found where the words are."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import torchaudio
from hypothesis import given
from hypothesis import strategies as st

from model.resample import (
    KAISER_BETA,
    SINC_ROLLOFF,
    SINC_ZEROS,
    Resampler,
    can_resample,
    output_length,
    to_int16,
)
from model.speech import (
    DEFAULT_THRESHOLDS,
    SpeechFlags,
    SpeechThresholds,
    close_gaps,
    drop_short,
    hysteresis,
    runs,
    speech_flags,
)
from model.vad import StreamingVad, load_vad


def in_blocks(audio: np.ndarray, sizes: list[int]) -> list[np.ndarray]:
    edges, at = [0], 0
    while edges[-1] < audio.shape[1]:
        edges.append(edges[-1] + sizes[at % len(sizes)])
        at += 1
    return [audio[:, a:b] for a, b in pairwise(edges)]


def streamed(audio: np.ndarray, source_hz: int, target_hz: int, sizes: list[int]) -> np.ndarray:
    resampler = Resampler(source_hz, target_hz, audio.shape[0])
    out = [resampler.push(block) for block in in_blocks(audio, sizes)]
    return np.concatenate([*out, resampler.flush()], axis=1)


RATES = [(8_000, 24_000), (16_000, 24_000), (44_100, 24_000), (48_000, 24_000), (24_000, 24_000), (11_025, 24_000)]
RATES += [(24_000, 16_000), (48_000, 8_000), (96_000, 24_000), (22_050, 24_000), (32_000, 24_000)]


@given(
    rates=st.sampled_from(RATES),
    n=st.integers(1, 70_000),
    sizes=st.lists(st.integers(1, 60_000), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
)
def test_streamed_resampling_is_torchaudios(rates: tuple[int, int], n: int, sizes: list[int], seed: int) -> None:
    source_hz, target_hz = rates
    sizes = [max(size, n // 50) for size in sizes]
    audio = (np.random.default_rng(seed).standard_normal((2, n)) * 0.2).astype(np.float32)
    expected = torchaudio.functional.resample(
        torch.from_numpy(audio),
        source_hz,
        target_hz,
        lowpass_filter_width=SINC_ZEROS,
        rolloff=SINC_ROLLOFF,
        resampling_method="sinc_interp_kaiser",
        beta=KAISER_BETA,
    ).numpy()
    got = streamed(audio, source_hz, target_hz, sizes)
    assert got.shape == (2, -(-n * target_hz // source_hz))
    shared = min(got.shape[1], expected.shape[1])  # torchaudio counts in float32: one sample off for some lengths
    assert got.shape[1] - shared <= 1
    assert np.abs(got[:, :shared] - expected[:, :shared]).max() < 2e-5
    assert np.array_equal(got, streamed(audio, source_hz, target_hz, [n]))


def test_resampling_keeps_speech_and_removes_aliases() -> None:
    t = np.arange(48_000) / 48_000
    for frequency_hz, gain in ((1_000, 1.0), (10_000, 1.0), (14_000, 0.0), (20_000, 0.0)):
        tone = np.sin(2 * np.pi * frequency_hz * t).astype(np.float32)[None]
        level = np.sqrt(2 * np.mean(streamed(tone, 48_000, 24_000, [48_000])[0, 500:-500] ** 2))
        assert level == pytest.approx(gain, abs=2e-3)


def test_rates_that_cannot_be_converted() -> None:
    assert not can_resample(0, 24_000)
    assert not can_resample(44_101, 24_000)  # a prime: its filter bank would take gigabytes
    assert can_resample(44_100, 24_000)
    with pytest.raises(ValueError, match="44101 Hz"):
        Resampler(44_101, 24_000, 2)
    assert output_length(1, 48_000, 24_000) == 1
    assert output_length(0, 48_000, 24_000) == 0


def test_int16_saturates_and_keeps_24_khz_samples() -> None:
    assert to_int16(np.array([1.5, 1.0, -1.0, -3.0, 0.5], np.float32)).tolist() == [
        32767,
        32767,
        -32768,
        -32768,
        16384,
    ]
    every = np.arange(-32768, 32768).astype(np.int16)
    assert np.array_equal(to_int16(every.astype(np.float32) / 32768), every)


@pytest.fixture(scope="module")
def network():
    return load_vad()


def probabilities(network, pcm: np.ndarray, sizes: list[int]) -> np.ndarray:
    vad = StreamingVad(network, pcm.shape[0])
    return np.concatenate([*(vad.push(block) for block in in_blocks(pcm, sizes)), vad.flush()], axis=1)


def test_the_network_is_that_of_the_package(network) -> None:
    """Against the equations of an LSTM (torch.nn.LSTM's documentation) and of the package's own description."""
    torch.manual_seed(0)
    windows = torch.randn(5, 576) * 0.1
    got, _ = network(windows, (torch.zeros(1, 128), torch.zeros(1, 128)))
    h, c = torch.zeros(128), torch.zeros(128)
    weights = network.state_dict()
    for window, probability in zip(windows, got, strict=True):
        padded = torch.cat([window, window[-65:-1].flip(0)])
        spectrum = padded.unfold(0, 256, 128) @ weights["stft_conv.weight"][:, 0].T
        x = (spectrum[:, :129].square() + spectrum[:, 129:].square()).sqrt().T[None]
        for name, stride in (("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1)):
            x = torch.conv1d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride=stride, padding=1).relu()
        gates = weights["lstm.weight_ih_l0"] @ x.flatten() + weights["lstm.bias_ih_l0"]
        i, f, g, o = (gates + weights["lstm.weight_hh_l0"] @ h + weights["lstm.bias_hh_l0"]).chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        out = weights["final_conv.weight"].flatten() @ h.relu() + weights["final_conv.bias"]
        assert float(out.sigmoid()) == pytest.approx(float(probability), abs=1e-4)


def test_any_cutting_and_any_company_give_the_same_bits(network) -> None:
    rng = np.random.default_rng(1)
    envelope = np.repeat(rng.random((2, 60)), 2_400, axis=1)
    pcm = to_int16((rng.standard_normal((2, 144_000)) * 0.1 * envelope).astype(np.float32))
    whole = probabilities(network, pcm, [144_000])
    assert whole.shape == (2, -(-144_000 // 768))
    assert whole.dtype == np.float16
    assert np.array_equal(whole, probabilities(network, pcm, [1_000, 7, 33_333]))
    alone = [probabilities(network, pcm[c : c + 1], [24_000]) for c in (0, 1)]
    assert np.array_equal(whole, np.concatenate(alone))
    assert np.array_equal(whole[::-1], probabilities(network, pcm[::-1], [24_000]))


@pytest.mark.parametrize("n", [1, 767, 768, 769, 24_576])
def test_every_sample_has_its_window(network, n: int) -> None:
    assert probabilities(network, np.zeros((2, n), np.int16), [n]).shape == (2, -(-n // 768))


def test_silence_and_hum_are_no_speech(network) -> None:
    t = np.arange(240_000) / 24_000
    hum = sum(0.1 / k * np.sin(2 * np.pi * 50 * k * t) for k in (1, 2, 3, 5, 7))
    pcm = to_int16(np.stack([np.zeros(t.size), hum]).astype(np.float32))
    assert [bool(speech_flags(p).any()) for p in probabilities(network, pcm, [24_000])] == [False, False]


def test_hysteresis_by_hand() -> None:
    p = np.array([0.4, 0.6, 0.4, 0.36, 0.34, 0.4, 0.49, 0.5, 0.1])
    assert hysteresis(p, DEFAULT_THRESHOLDS).tolist() == [False, True, True, True, False, False, False, True, False]
    assert hysteresis(np.array([0.4, 0.2]), DEFAULT_THRESHOLDS, speaking=True).tolist() == [True, False]


def test_gaps_and_clicks_by_hand() -> None:
    flags = np.array([0, 1, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0], bool)
    assert close_gaps(flags, 3).astype(int).tolist() == [0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0]
    assert drop_short(flags, 3).astype(int).tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0]
    assert runs(flags).tolist() == [[1, 2], [4, 5], [8, 11], [12, 13]]


@given(
    probability=st.lists(st.floats(0, 1, width=16), max_size=200),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5),
    rules=st.builds(SpeechThresholds, min_speech_windows=st.integers(1, 5), min_silence_windows=st.integers(1, 5)),
    pad=st.integers(0, 4),
)
def test_streamed_flags_are_those_of_the_whole(probability, sizes, rules, pad) -> None:
    p = np.array(probability, np.float16)
    flags = SpeechFlags(rules, pad)
    got = [flags.push(block[0]) for block in in_blocks(p[None], sizes)]
    expected = speech_flags(p, rules)
    for shift in range(1, pad + 1):
        padded = np.pad(speech_flags(p, rules), shift)
        expected = expected | padded[: p.size] | padded[2 * shift :]
    assert np.array_equal(np.concatenate([*got, flags.flush()]), expected)
