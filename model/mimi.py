"""Mimi, the reference codec, through transformers (Défossez et al. 2024; weights kyutai/mimi, CC-BY 4.0).

Streams run on blocks of 25 frames, one channel at a time. The encoder's convolutions carry their state in
transformers' padding cache; the decoder's have none there, so each block is decoded behind enough of the past.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from torch import Tensor
from transformers import DynamicCache, MimiModel
from transformers.models.mimi.modeling_mimi import MimiConv1dPaddingCache, MimiConvTranspose1d, MimiDecoderModel

from model.codec_blocks import BLOCK_FRAMES, BLOCK_SAMPLES, BlockEncoder, one_thread
from model.codec_types import (
    CARDINALITY,
    FRAME_SAMPLES,
    N_CODEBOOKS,
    SAMPLE_RATE_HZ,
    CodeArray,
    CodecError,
    FloatArray,
    check_codes,
)

CONTEXT = 16
"""Transformer frames (25 Hz) before a block that its convolutions see; they reach back 8."""
WHAT_TO_FETCH = "fetch kyutai/mimi (config.json, model.safetensors; CC-BY 4.0) and give its folder: mimi:FOLDER"


def load_mimi(name: str, device: str = "cpu") -> "MimiCodec":
    """Load "mimi:FOLDER" or "mimi:HUB_ID", with "@SHA256" the digest the weights must have.

    Raises CodecError where they are missing, in another format, not Mimi, or of another digest.
    """
    source, _, expected = name.removeprefix("mimi:").partition("@")
    folder = Path(source) if Path(source).is_dir() else _fetch(source)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise CodecError(f"no .safetensors weights in {folder} (pickled ones are not loaded): {WHAT_TO_FETCH}")
    digest = weights_digest(weights)
    if expected and digest != expected.lower():
        raise CodecError(f"weights in {folder} have digest {digest}, not {expected}: {WHAT_TO_FETCH}")
    if not (folder / "config.json").is_file():
        raise CodecError(f"no config.json in {folder}: {WHAT_TO_FETCH}")
    return MimiCodec(folder, name=name, digest=digest, device=device)


def _fetch(hub_id: str) -> Path:
    """The hub's files, from its local cache where they are there."""
    try:
        return Path(snapshot_download(hub_id, allow_patterns=["config.json", "*.safetensors"]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise CodecError(
            f'no Mimi at "{hub_id}", neither a folder nor on the hub ({reason}): {WHAT_TO_FETCH}'
        ) from error


def weights_digest(weights: Sequence[Path]) -> str:
    """SHA-256 over the weight files' bytes, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(weights):
        with path.open("rb") as file:
            while chunk := file.read(1 << 22):
                digest.update(chunk)
    return digest.hexdigest()


class MimiCodec:
    """Mimi with eight codebooks; `name` and `digest` as in `model.codec.Codec`."""

    def __init__(self, folder: Path, *, name: str, digest: str, device: str) -> None:
        """Raises CodecError where the folder holds no Mimi of 24 kHz, 12.5 Hz and at least eight codebooks."""
        model = _model(folder)
        config = model.config
        shape = (config.sampling_rate, config.frame_rate, config.codebook_size)
        if (
            shape != (SAMPLE_RATE_HZ, SAMPLE_RATE_HZ / FRAME_SAMPLES, CARDINALITY)
            or config.num_quantizers < N_CODEBOOKS
        ):
            raise CodecError(f"{folder} is not 24 kHz, 12.5 Hz, 8 codebooks of 2,048: {WHAT_TO_FETCH}")
        self.name = name
        self.digest = digest
        self.device = torch.device(device)
        torch.nn.Module.to(model.train(mode=False), self.device)
        self.encode, self.quantizer = model.encode, model.quantizer
        self.decoder_net, self.upsample = _decoder(model, folder)

    def encoder(self) -> "MimiEncoder":
        """A new channel to encode."""
        return MimiEncoder(self)

    def decoder(self) -> "MimiDecoder":
        """A new channel to decode."""
        return MimiDecoder(self)


def _model(folder: Path) -> MimiModel:
    """The folder's Mimi, float32, with every weight from the folder."""
    try:
        loaded: object = MimiModel.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, dtype=torch.float32, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise CodecError(f"no Mimi in {folder} ({str(error).splitlines()[0]}): {WHAT_TO_FETCH}") from error
    model, report = cast(tuple[MimiModel, dict[str, set[str]]], loaded)
    lacking = sorted(report["missing_keys"] & {name for name, _ in model.named_parameters()})
    if lacking:
        raise CodecError(f"weights in {folder} lack {len(lacking)} of Mimi's, as {lacking[0]}: {WHAT_TO_FETCH}")
    return model


def _decoder(model: MimiModel, folder: Path) -> tuple[MimiDecoderModel, MimiConvTranspose1d]:
    """The model's decoder half, and its first layer: from 12.5 to 25 Hz."""
    decoder = cast(MimiDecoderModel | None, model.decoder)
    if decoder is None or decoder.upsample is None or model.encoder is None:
        raise CodecError(f"{folder} holds only a part of Mimi: {WHAT_TO_FETCH}")
    return decoder, decoder.upsample


class MimiEncoder(BlockEncoder):
    """Encoder of one channel."""

    def __init__(self, codec: MimiCodec) -> None:
        self._codec = codec
        super().__init__()

    def _start(self) -> None:
        self._keys: DynamicCache | None = None
        self._padding: MimiConv1dPaddingCache | None = None

    def _block(self, block: FloatArray) -> CodeArray:
        with one_thread():
            out = self._codec.encode(
                torch.from_numpy(block)[None, None].to(self._codec.device),
                num_quantizers=N_CODEBOOKS,
                encoder_past_key_values=self._keys,
                padding_cache=self._padding,
                use_streaming=True,
            )
        self._keys, self._padding = out.encoder_past_key_values, out.padding_cache
        codes: CodeArray = out.audio_codes[0].to("cpu", torch.int16).numpy()
        return codes


class MimiDecoder:
    """Decoder of one channel."""

    def __init__(self, codec: MimiCodec) -> None:
        self._codec = codec
        self._start()

    def _start(self) -> None:
        self._waiting: CodeArray = np.zeros((N_CODEBOOKS, 0), np.int16)
        self._keys: DynamicCache | None = None
        self._latent: Tensor | None = None
        self._hidden: Tensor | None = None

    def push(self, codes: CodeArray) -> FloatArray:
        """Samples, float32, of the blocks that the codes, int16 [8, frames], complete."""
        check_codes(codes)
        self._waiting = np.concatenate([self._waiting, codes.astype(np.int16, copy=False)], axis=1)
        audio = [np.zeros(0, np.float32)]
        while self._waiting.shape[1] >= BLOCK_FRAMES:
            audio.append(self._block(self._waiting[:, :BLOCK_FRAMES]))
            self._waiting = self._waiting[:, BLOCK_FRAMES:]
        return np.concatenate(audio)

    def flush(self) -> FloatArray:
        """The rest of 1,920 samples per frame."""
        frames = self._waiting.shape[1]
        audio = np.zeros(0, np.float32)
        if frames:
            filler = np.repeat(self._waiting[:, -1:], BLOCK_FRAMES - frames, axis=1)
            audio = self._block(np.concatenate([self._waiting, filler], axis=1))[: frames * FRAME_SAMPLES]
        self._start()
        return audio

    def _block(self, codes: CodeArray) -> FloatArray:
        quantizer, net = self._codec.quantizer, self._codec.decoder_net
        with one_thread():
            entries = torch.from_numpy(codes.astype(np.int64))[None].to(self._codec.device)
            latents = quantizer.decode(entries)
            before = latents if self._latent is None else torch.cat([self._latent, latents], -1)
            upsampled = self._codec.upsample(before)[..., -2 * BLOCK_FRAMES :].transpose(1, 2)
            out = net.decoder_transformer(upsampled, past_key_values=self._keys, use_cache=True)
            hidden = out.last_hidden_state
            seen = hidden if self._hidden is None else torch.cat([self._hidden, hidden], 1)
            audio = net.decoder_seanet(seen.transpose(1, 2))[0, 0, -BLOCK_SAMPLES:]
        self._keys, self._latent, self._hidden = out.past_key_values, latents[..., -1:], hidden[:, -CONTEXT:]
        samples: FloatArray = audio.cpu().numpy()
        return samples
