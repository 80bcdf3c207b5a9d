"""The embedding's arithmetic, with random weights: what is pooled, followed and heard in blocks agrees."""

import numpy as np
import pytest
import torch

from model.speaker.net import HOP, MelPower, SpeakerNet
from model.speaker.windows import FRAME, STEP_FRAMES, WINDOW_FRAMES, Embedder, frame_flags


@pytest.fixture(scope="module")
def net() -> SpeakerNet:
    torch.manual_seed(0)
    made = SpeakerNet()
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.1)
    return made.eval().requires_grad_(False)


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    audio = random.standard_normal(int(seconds * 24_000)) * np.repeat(
        random.uniform(0, 0.2, int(seconds * 10)), 2_400
    )
    return (audio * 32_767).clip(-32_768, 32_767).astype(np.int16)


def test_mel_frames_are_centred() -> None:
    audio = torch.zeros(20 * HOP)
    audio[10 * HOP + HOP // 2] = 1.0
    power = MelPower()(audio).sum(1)
    assert power.shape == (20,)
    assert int(power.argmax()) == 10
    assert float(power[9]) == pytest.approx(float(power[11]), rel=0.05)


def test_pooling_is_what_following_gives(net: SpeakerNet) -> None:
    frames = net.frames(torch.randn(1, 200, 68, generator=torch.Generator().manual_seed(1)))
    use = (torch.arange(100) % 3 > 0).float()[None]
    followed = net.follow(frames, use, 25)
    assert torch.allclose(followed[0, 40], net.pool(frames[..., 28:53], use[:, 28:53])[0], atol=1e-5)
    assert torch.allclose(followed.norm(dim=2), torch.ones(1, 100), atol=1e-5)


def test_frames_out_of_use_do_not_count(net: SpeakerNet) -> None:
    frames = net.frames(torch.randn(1, 200, 68, generator=torch.Generator().manual_seed(1)))
    use = torch.ones(1, 100)
    use[:, 50:] = 0.0
    assert torch.allclose(net.pool(frames, use), net.pool(frames[..., :50], use[:, :50]), atol=1e-5)


def test_windows_lie_on_their_grid_and_in_speech(net: SpeakerNet) -> None:
    audio = sound(70)
    speech = np.ones(audio.size // FRAME, np.bool_)
    speech[500:900] = False
    found = Embedder(net, audio, speech).windows()
    half = WINDOW_FRAMES // 2
    assert ((found.centres - half) % STEP_FRAMES == 0).all()
    assert (np.diff(found.centres) > 0).all()
    assert all(speech[c - half : c - half + WINDOW_FRAMES].mean() >= 0.5 for c in found.centres)
    assert found.embeddings.shape == (found.centres.size, 128)


def test_a_voice_over_blocks_is_the_pool_of_its_frames(net: SpeakerNet) -> None:
    audio = sound(65)
    speech = np.ones(audio.size // FRAME, np.bool_)
    solo = np.zeros((2, speech.size), np.bool_)
    solo[0, 100:1_600] = True
    solo[1, 2_000:3_100] = True
    embedder = Embedder(net, audio, speech)
    mel = MelPower()(torch.from_numpy(audio[: speech.size * FRAME].astype(np.float32) / 32_768))
    frames = net.frames(((mel + embedder.floor).log() - embedder.mean)[None])
    expected = torch.cat([net.pool(frames, torch.from_numpy(s.astype(np.float32))[None]) for s in solo])
    assert torch.allclose(embedder.voices(solo), expected, atol=1e-3)
    part = embedder.likeness(1_400, 1_700, expected, (25,))
    whole = net.follow(frames, torch.ones(1, speech.size), 25)[0, 1_400:1_700] @ expected.T
    assert torch.allclose(part, whole, atol=1e-3)


def test_flags_are_those_at_the_middle_of_a_frame() -> None:
    flags = np.array([False, True, True, False])
    assert frame_flags(flags, 25.0, 10).tolist() == [False] * 2 + [True] * 4 + [False] * 4
