"""Silero VAD: the probability of speech per 32 ms, streaming, every channel on its own.

The network of the silero-vad package (github.com/snakers4/silero-vad, MIT), built from its 16-kHz safetensors so that
the convolutions run over many windows at once; only the LSTM goes window by window. Channels quieter than the network
hears well are raised first: it misses most speech below -55 dBFS.
"""

import importlib.util
import math
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from model.resample import Float32, Int16, Resampler

VAD_RATE_HZ: Final = 16_000
SOURCE_RATE_HZ: Final = 24_000
WINDOW: Final = 512  # samples at 16 kHz, 768 at 24 kHz
CONTEXT: Final = 64  # samples before a window that the network sees as well
_HOP: Final = 128
_BINS: Final = 129
# Level that a quiet channel is raised to, by how much at most, and how fast the memory of its loudest window fades.
_TARGET_DB: Final = -30.0
_MAX_GAIN_DB: Final = 30.0
_FADE_DB: Final = 0.2  # per step
_WINDOWS_PER_STEP: Final = 32  # always this many at once: the bits do not depend on how the stream was cut


class SileroNetwork(nn.Module):
    """float32 [windows, 576] and LSTM state -> probabilities [windows] and the next state, for one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 2 * _BINS, 256, stride=_HOP, bias=False)
        self.conv1 = nn.Conv1d(_BINS, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm = nn.LSTM(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)

    def features(self, windows: torch.Tensor) -> torch.Tensor:
        """float32 [n, 576] -> [n, 128]; no state."""
        x = nn.functional.pad(windows, (0, CONTEXT), mode="reflect").unsqueeze(1)
        x = self.stft_conv(x)
        x = (x[:, :_BINS] ** 2 + x[:, _BINS:] ** 2).sqrt()
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = nn.functional.relu(conv(x))
        return x.squeeze(-1)

    def forward(
        self, windows: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """See the class; the state is (h, c), each [1, 128]."""
        hidden, state = self.lstm(self.features(windows), state)
        return self.final_conv(hidden.relu().unsqueeze(-1)).sigmoid().reshape(-1), state


def load_vad() -> SileroNetwork:
    """The network with the weights of the silero-vad package. Raises FileNotFoundError if the package has none."""
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the silero-vad package is not installed: pip install silero-vad")
    weights = load_file(Path(spec.origin).parent / "data" / "silero_vad_16k.safetensors")
    for name in [name for name in weights if name.startswith("lstm_cell.")]:
        weights[f"lstm.{name.removeprefix('lstm_cell.')}_l0"] = weights.pop(name)
    network = SileroNetwork()
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


class StreamingVad:
    """Speech probabilities of a stream of int16 [channels, n] blocks at 24 kHz.

    `push` gives what is known by now, float16 [channels, windows]; `flush` the rest, so that n samples have
    ceil(n / 768) windows in all. The channels never meet: each has its own state and its own arithmetic.
    """

    def __init__(self, network: SileroNetwork, channels: int) -> None:
        self._network = network
        self._resampler = Resampler(SOURCE_RATE_HZ, VAD_RATE_HZ, channels)
        self._audio = np.zeros((channels, CONTEXT), np.float32)
        self._level_db = [-np.inf] * channels
        self._states = [(torch.zeros(1, 128), torch.zeros(1, 128)) for _ in range(channels)]

    def push(self, block: Int16) -> NDArray[np.float16]:
        """Take a block; give the probabilities that are known by now."""
        self._add(self._resampler.push(block.astype(np.float32) / np.float32(32768.0)))
        return self._run()

    def flush(self) -> NDArray[np.float16]:
        """The probabilities of the rest, the last window filled up with zeros; the stream ends here."""
        self._add(self._resampler.flush())
        windows = -(-(self._audio.shape[1] - CONTEXT) // WINDOW)
        steps = -(-windows // _WINDOWS_PER_STEP)
        missing = CONTEXT + steps * _WINDOWS_PER_STEP * WINDOW - self._audio.shape[1]
        self._add(np.zeros((self._audio.shape[0], missing), np.float32))
        return self._run()[:, :windows]

    def _add(self, audio: Float32) -> None:
        self._audio = np.concatenate([self._audio, audio], axis=1)

    def _gain(self, channel: int, audio: torch.Tensor, step: int) -> float:
        """The factor for a step, from the loudest window of the channel up to it."""
        start = CONTEXT + step * _WINDOWS_PER_STEP * WINDOW
        windows = audio[start : start + _WINDOWS_PER_STEP * WINDOW].reshape(_WINDOWS_PER_STEP, WINDOW)
        now_db = 10.0 * math.log10(float(windows.square().mean(dim=1).max()) + 1e-12)
        self._level_db[channel] = max(now_db, self._level_db[channel] - _FADE_DB)
        return float(10.0 ** (min(max(_TARGET_DB - self._level_db[channel], 0.0), _MAX_GAIN_DB) / 20.0))

    def _run(self) -> NDArray[np.float16]:
        span = _WINDOWS_PER_STEP * WINDOW
        steps = (self._audio.shape[1] - CONTEXT) // span
        out = np.zeros((self._audio.shape[0], steps * _WINDOWS_PER_STEP), np.float16)
        with torch.inference_mode():
            for channel, audio in enumerate(torch.from_numpy(self._audio)):
                for step in range(steps):
                    piece = audio[step * span : (step + 1) * span + CONTEXT] * self._gain(channel, audio, step)
                    windows = piece.unfold(0, WINDOW + CONTEXT, WINDOW)
                    probabilities, self._states[channel] = self._network(windows, self._states[channel])
                    out[channel, step * _WINDOWS_PER_STEP : (step + 1) * _WINDOWS_PER_STEP] = probabilities.numpy()
        self._audio = self._audio[:, steps * span :].copy()
        return out
