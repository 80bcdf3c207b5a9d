"""The built-in codec's weights and streams.

The network always runs on blocks of 25 frames (2 s), one channel at a time and on one thread, with the state of the
block before: how a stream is cut, and on how many threads, cannot change a bit of what comes out.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from model.codec_blocks import BLOCK_FRAMES, BLOCK_SAMPLES, BlockEncoder, one_thread
from model.codec_dsp import HOP, SYNTH_LAG, WINDOW, Analysis, Synthesis, SynthState, bins_to_hz
from model.codec_net import CodecNet, pitch_bins
from model.codec_types import FRAME_SAMPLES, N_CODEBOOKS, CodeArray, CodecError, FloatArray, check_codes

BUILTIN_WEIGHTS = Path(__file__).with_name("weights") / "codec.safetensors"
BEAM = 4
TRAINING_ONLY = frozenset({"quantizer.uses", "quantizer.sums"})


class BuiltinCodec:
    """The project's own codec; `name` and `digest` as in `model.codec.Codec`."""

    def __init__(self, weights: Path, *, name: str, device: str = "cpu") -> None:
        """Raises CodecError where the file is missing or is no built-in codec."""
        if not weights.is_file():
            raise CodecError(
                f"no codec weights at {weights}: reinstall the package, or train with `duplexset fit codec`"
            )
        content = weights.read_bytes()
        self.name = name
        self.digest = hashlib.sha256(content).hexdigest()
        self.device = torch.device(device)
        self.net = _network(content, weights).to(self.device).eval()
        self.analysis = Analysis().to(self.device)
        self.synthesis = Synthesis().to(self.device)

    def encoder(self) -> "BuiltinEncoder":
        """A new channel to encode."""
        return BuiltinEncoder(self)

    def decoder(self) -> "BuiltinDecoder":
        """A new channel to decode."""
        return BuiltinDecoder(self)


def _network(content: bytes, weights: Path) -> CodecNet:
    net = CodecNet()
    try:
        tensors = {name: tensor.float() for name, tensor in load(content).items()}
    except SafetensorError as error:
        raise CodecError(f"{weights} is no safetensors file ({error}): give the one that training wrote") from error
    wanted = {name: tensor.shape for name, tensor in net.state_dict().items() if name not in TRAINING_ONLY}
    if {name: tensor.shape for name, tensor in tensors.items()} != wanted:
        raise CodecError(f"{weights} holds another network: train it with this version's `duplexset fit codec`")
    net.load_state_dict(tensors, strict=False)
    return net


class BuiltinEncoder(BlockEncoder):
    """Encoder of one channel."""

    def __init__(self, codec: BuiltinCodec) -> None:
        self._codec = codec
        super().__init__()

    def _start(self) -> None:
        self._before = torch.zeros(WINDOW - HOP, device=self._codec.device)
        self._state = self._codec.net.encoder.start(1, self._codec.device)

    def _block(self, block: FloatArray) -> CodeArray:
        with one_thread():
            audio = torch.cat([self._before, torch.from_numpy(block).to(self._codec.device)])
            self._before = audio[BLOCK_SAMPLES:]
            features = self._codec.analysis(audio[None])
            latents, self._state = self._codec.net.encoder(features, self._state)
            codes = self._codec.net.quantizer.encode(latents[0], BEAM)
            array: CodeArray = codes.T.to("cpu", torch.int16).numpy()
            return array


class BuiltinDecoder:
    """Decoder of one channel.

    The synthesis is late by 480 samples: dropped at the start and, at the end, made from the last codes held.
    """

    def __init__(self, codec: BuiltinCodec) -> None:
        self._codec = codec
        self._start()

    def _start(self) -> None:
        self._waiting: CodeArray = np.zeros((N_CODEBOOKS, 0), np.int16)
        self._last: CodeArray = self._waiting
        self._blocks = 0
        self._owed = 0
        self._state = self._codec.net.decoder.start(1, self._codec.device)
        self._synth: SynthState | None = None

    def push(self, codes: CodeArray) -> FloatArray:
        """Samples, float32, of the blocks that the codes, int16 [8, frames], complete."""
        check_codes(codes)
        self._owed += codes.shape[1] * FRAME_SAMPLES
        self._waiting = np.concatenate([self._waiting, codes.astype(np.int16, copy=False)], axis=1)
        audio = [np.zeros(0, np.float32)]
        while self._waiting.shape[1] >= BLOCK_FRAMES:
            audio.append(self._block(self._waiting[:, :BLOCK_FRAMES]))
            self._last = self._waiting[:, BLOCK_FRAMES - 1 : BLOCK_FRAMES]
            self._waiting = self._waiting[:, BLOCK_FRAMES:]
        return np.concatenate(audio)

    def flush(self) -> FloatArray:
        """The rest of 1,920 samples per frame."""
        audio = np.zeros(0, np.float32)
        if self._owed:
            last = self._waiting[:, -1:] if self._waiting.shape[1] else self._last
            missing = BLOCK_FRAMES - self._waiting.shape[1]
            owed = self._owed
            audio = self._block(np.concatenate([self._waiting, np.repeat(last, missing, axis=1)], axis=1))[:owed]
        self._start()
        return audio

    def _block(self, codes: CodeArray) -> FloatArray:
        codec = self._codec
        with one_thread():
            latents = codec.net.quantizer.decode(torch.from_numpy(codes.T.astype(np.int64)).to(codec.device))
            pulses, noise, logits, self._state = codec.net.decoder(latents[None], self._state)
            pitch_hz = bins_to_hz(pitch_bins(logits))
            state = self._synth or SynthState.start(1, pitch_hz[:, 0])
            audio, self._synth = codec.synthesis(pitch_hz, pulses, noise, self._white(), state)
        samples: FloatArray = audio[0].cpu().numpy()
        if self._blocks == 0:
            samples = samples[SYNTH_LAG:]
        self._blocks += 1
        self._owed -= samples.size
        return samples

    def _white(self) -> Tensor:
        """Noise of this block: the same wherever the stream is cut."""
        generator = torch.Generator().manual_seed(self._blocks)
        return torch.randn(1, BLOCK_SAMPLES, generator=generator).to(self._codec.device)
