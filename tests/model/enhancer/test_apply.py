"""The enhancer over a stream: exact length, the same bits however it is cut, no step at a seam."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model.enhancer.apply import ADVANCE, MARGIN, OVERLAP, SPAN, EnhancerError, StreamingEnhancer, load_enhancer
from model.enhancer.net import Enhancer
from model.fitting import save_net

Float32 = NDArray[np.float32]


class Same(Enhancer):
    """Hands its input on."""

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        return audio


class Uneven(Enhancer):
    """Disagrees with itself from window to window, as no trained network would."""

    calls = 0

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return audio * (0.5 if self.calls % 2 else 1.0)


def _streamed(net: Enhancer, audio: NDArray[np.generic], cuts: list[int], gain: float = 1.0) -> Float32:
    stream = StreamingEnhancer(net, gain)
    return np.concatenate([*(stream.push(block) for block in np.split(audio, cuts)), stream.flush()])


@pytest.mark.parametrize("samples", [0, 1, 5_000, ADVANCE, SPAN, SPAN + 1, SPAN + ADVANCE])
def test_the_length_is_exact(samples: int) -> None:
    audio = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    out = _streamed(Same(), audio, [samples // 3, samples // 2])
    assert out.dtype == np.float32
    assert out.shape == audio.shape
    assert np.allclose(out, audio, atol=1e-6)


def test_how_the_stream_is_cut_changes_no_bit(net: Enhancer, voice: Callable[..., Float32]) -> None:
    audio = voice(11.0)
    whole = _streamed(net, audio, [])
    cuts = np.sort(np.random.default_rng(1).integers(0, audio.size, 9)).tolist()
    assert _streamed(net, audio, cuts).tobytes() == whole.tobytes()
    assert _streamed(net, audio, [1, 2, 3, SPAN, SPAN + 1]).tobytes() == whole.tobytes()


def test_a_second_stream_knows_nothing_of_the_first(net: Enhancer, voice: Callable[..., Float32]) -> None:
    audio = voice(6.0)
    stream = StreamingEnhancer(net)
    first, again = (np.concatenate([stream.push(audio), stream.flush()]) for _ in range(2))
    assert first.tobytes() == again.tobytes()


def test_int16_is_full_scale_at_one(net: Enhancer, voice: Callable[..., Float32]) -> None:
    pcm = (voice(6.0) * 32_768).astype(np.int16)
    assert _streamed(net, pcm, [7_000]).tobytes() == _streamed(net, pcm.astype(np.float32) / 32_768, []).tobytes()


def test_seams_cannot_be_heard(net: Enhancer, voice: Callable[..., Float32]) -> None:
    """Beside one pass over the whole: close to it, and no step about the seams."""
    audio = voice(14.0, gap_s=0.1)
    out = _streamed(net, audio, [])
    with torch.inference_mode():
        whole = net(torch.from_numpy(audio)[None])[0].numpy()
    error = out - whole
    assert np.square(error).sum() < 0.01 * np.square(whole).sum()
    for seam in (ADVANCE, 2 * ADVANCE):
        shared = slice(seam, seam + OVERLAP)
        assert np.abs(np.diff(error[shared])).max() < 0.1 * np.abs(np.diff(whole)).max()


def test_windows_that_disagree_are_faded_into_each_other() -> None:
    out = _streamed(Uneven(), np.ones(SPAN + ADVANCE, np.float32), [])
    assert np.allclose(out[: ADVANCE + MARGIN], 0.5)
    assert np.allclose(out[SPAN - MARGIN :], 1.0)
    steepest = 0.5 / (OVERLAP - 2 * MARGIN - 1)
    assert np.abs(np.diff(out)).max() <= steepest * 1.01


def test_the_gain_is_taken_off_again(net: Enhancer, voice: Callable[..., Float32]) -> None:
    audio = voice(3.0)
    near = _streamed(net, audio, [], gain=1.0)
    quiet = _streamed(net, audio / 64, [], gain=64.0)
    assert np.allclose(quiet * 64, near, atol=1e-7)


def test_weights_load_and_missing_ones_are_named(net: Enhancer, tmp_path: Path) -> None:
    path = save_net(net, tmp_path / "enhancer.safetensors")
    loaded = load_enhancer(path)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    with pytest.raises(EnhancerError, match=r"no enhancer weights at .*none\.safetensors"):
        load_enhancer(tmp_path / "none.safetensors")
