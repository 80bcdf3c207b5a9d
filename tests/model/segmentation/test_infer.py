"""Local activity of recordings: shapes and times, blocks, levels, batches, and what a window sees."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from model.segmentation import infer
from model.segmentation import net as seg

RATE = infer.SOURCE_RATE_HZ


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return seg.build_net(seg.NetConfig(lstm_size=8, lstm_layers=1, linear_size=8, linear_layers=1)).eval()


def _noise(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    swing = 1 + np.sin(2 * np.pi * np.arange(n) / RATE / 3)
    return (3_000 * swing * rng.standard_normal(n)).astype(np.int16)


class ToneReader(nn.Module):
    """Hears a tone around 1 kHz as speaker 0 and one around 3 kHz as speakers 0 and 1."""

    def forward(self, audio: Tensor) -> Tensor:
        turns = (audio[:, 0, 1:].sign() * audio[:, 0, :-1].sign() < 0).float()
        rate = turns.unfold(1, seg.FRAME_SEES - 1, seg.FRAME_SAMPLES).mean(dim=2)
        classes = (rate > 0.06).long() + 3 * (rate > 0.25).long()
        return torch.nn.functional.one_hot(classes, 7).clamp(1e-6, 1).log()


@pytest.mark.parametrize("seconds", [0.0, 0.02, 3.0, 9.9, 10.0, 12.6, 41.3])
def test_shapes_and_places(seconds: float) -> None:
    found = infer.local_activity(ToneReader(), _noise(seconds))
    samples = -(-round(seconds * RATE) * 2 // 3)
    assert found.activity.dtype == np.float16 and found.count.dtype == np.float32
    assert found.activity.shape == (len(found.starts), 589, 3)
    frames = len(found.count)
    assert frames == sum(infer.LocalActivity.frame_s(f) * 16_000 < samples for f in range(frames + 5))
    last = max(0, -(-(samples - 160_000) // 270))
    regular = list(range(0, last, infer.STEP_FRAMES))
    assert found.starts.tolist() == ([*regular, last] if seconds else [])


def test_frames_are_270_samples_apart() -> None:
    assert infer.LocalActivity.frame_s(0) == pytest.approx(0.0309375)
    assert infer.LocalActivity.frame_s(1_000) - infer.LocalActivity.frame_s(0) == pytest.approx(270 / 16)


def test_blocks_do_not_change_a_bit(network: nn.Module) -> None:
    audio = _noise(44.0)
    whole = infer.local_activity(network, audio)
    streamed = infer.StreamingSegmenter(network)
    rng = np.random.default_rng(4)
    at = 0
    while at < audio.size:
        n = int(rng.integers(1, 3 * RATE))
        streamed.push(audio[at : at + n])
        at += n
    cut = streamed.flush()
    for name in ("starts", "activity", "count"):
        assert np.array_equal(getattr(whole, name), getattr(cut, name)), name


def test_memory_is_bounded() -> None:
    streamed = infer.StreamingSegmenter(ToneReader())
    block = _noise(1.0)
    held = []
    for _ in range(120):
        streamed.push(block)
        held.append(streamed.held_s)
    assert max(held) < 35 and max(held[60:]) <= max(held[:60])


def test_a_quiet_recording_is_heard_like_a_loud_one(network: nn.Module) -> None:
    audio = _noise(12.0).astype(np.int64)
    loud = infer.local_activity(network, (audio * 2).astype(np.int16))
    quiet = infer.local_activity(network, np.rint(audio * 0.02).astype(np.int16))
    assert np.abs(loud.activity.astype(np.float32) - quiet.activity.astype(np.float32)).max() < 0.05
    assert np.abs(loud.count - quiet.count).max() < 0.05


def test_counts_are_where_the_sound_is() -> None:
    at_s = np.arange(30 * RATE) / RATE
    tone_hz = np.where((at_s >= 13) & (at_s < 14), 3_000, 1_000)
    audio = np.where((at_s >= 12) & (at_s < 15), 3_000 * np.sin(2 * np.pi * tone_hz * at_s), 0).astype(np.int16)
    count = infer.local_activity(ToneReader(), audio).count
    time_s = np.array([infer.LocalActivity.frame_s(f) for f in range(len(count))])
    for column, (start_s, end_s) in enumerate([(12, 15), (13, 14)]):
        inside = (time_s > start_s + 0.05) & (time_s < end_s - 0.05)
        outside = (time_s < start_s - 0.05) | (time_s > end_s + 0.05)
        assert count[inside, column].min() > 0.9 and count[outside, column].max() < 0.1


def test_local_activity_is_the_powerset_of_the_scores(network: nn.Module) -> None:
    audio = _noise(10.0)
    found = infer.local_activity(network, audio)
    with torch.inference_mode():
        heard = infer.Resampler(RATE, 16_000, 1)
        sound = np.concatenate([heard.push(audio[None] / np.float32(32_768)), heard.flush()], axis=1)
        p = network(seg.normalised(torch.from_numpy(sound)).unsqueeze(1))[0].exp().numpy()
    expected = np.stack([p[:, [1, 4, 5]].sum(1), p[:, [2, 4, 6]].sum(1), p[:, [3, 5, 6]].sum(1)], axis=1)
    np.testing.assert_allclose(found.activity[0], expected, atol=2e-3)
    np.testing.assert_allclose(found.count[:589, 0], 1 - p[:, 0], atol=1e-4)
    np.testing.assert_allclose(found.count[:589, 1], p[:, 4:].sum(1), atol=1e-4)


def test_a_bias_makes_overlap_rarer(network: nn.Module) -> None:
    audio = _noise(10.0)
    plain, biased = (infer.local_activity(network, audio, overlap_bias=bias).count[:, 1] for bias in (0.0, -1.0))
    odds = plain / (1 - plain) * np.exp(-1.0)
    np.testing.assert_allclose(biased, odds / (1 + odds), atol=1e-4)


def test_steps_that_leave_gaps_are_refused() -> None:
    with pytest.raises(ValueError, match="gaps"):
        infer.StreamingSegmenter(ToneReader(), 590)
