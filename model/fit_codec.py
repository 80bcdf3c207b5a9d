"""Training recipe of the built-in codec: an audio folder in, weights and a model card out.

A step: random crops of the speakers that are not held out, encode, quantize, decode with the true pitch (later also
with the decoder's own), and compare spectra. The first steps run without the quantizer; k-means then starts it.
Towards the end the encoder stands still, and quantizer and decoder settle on the codes that the finished codec will
choose. The state is saved whole, so that a stopped run goes on as if it had never stopped.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from model.codec import load_codec
from model.codec_builtin import BEAM
from model.codec_card import held_out_sets, measure, write_card
from model.codec_crops import Crops, Pool, Sounds, load_sounds
from model.codec_dsp import HOP, SYNTH_LAG, WINDOW, Analysis, Synthesis, SynthState, bins_to_hz
from model.codec_loss import SpectralLoss, pitch_loss
from model.codec_net import CodecNet, pitch_bins
from model.model_card import data_table
from model.quantizer import REVIVE_BELOW
from model.speech_audio import SAMPLE_RATE_HZ, SpeechError, Utterance, find_speech, held_out, pools
from schemas.atomic import whole_file

FRAME_SAMPLES = 1_920
WEIGHTS = {"mel": 1.0, "envelope": 2.0, "loud": 2.0, "pitch": 0.3, "commit": 0.25}


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """Everything that shapes the training.

    It lasts `steps` or, where that is 0, `minutes` of trained time (a resumed run goes on counting). Only a number of
    steps makes the learning rate, and so the weights, the same on every machine's speed.
    """

    minutes: float = 80.0
    steps: int = 0
    seed: int = 0
    batch: int = 6
    crop_frames: int = 64
    learning_rate: float = 1.5e-3
    unquantized_steps: int = 250
    k_means_batches: int = 50
    own_pitch_from: float = 0.3
    encoder_until: float = 0.82
    pool_s: float = 4 * 3_600.0
    pool_steps: int = 10_000
    save_every: int = 250


@dataclass(slots=True)
class Progress:
    """How far the training is."""

    step: int = 0
    trained_s: float = 0.0
    audio_s: float = 0.0


class Fit:
    """The training's state: network, optimizer, progress."""

    def __init__(self, config: FitConfig, device: str) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.device = torch.device(device)
        self.net = CodecNet().to(self.device)
        self.analysis, self.synthesis, self.spectral = (
            m.to(self.device) for m in (Analysis(), Synthesis(), SpectralLoss())
        )
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=config.learning_rate, betas=(0.8, 0.99))
        self.progress = Progress()

    @property
    def share_done(self) -> float:
        """How much of the training is done, 0 to 1."""
        if self.config.steps:
            return min(1.0, self.progress.step / self.config.steps)
        return min(1.0, self.progress.trained_s / (60 * self.config.minutes))

    def step(self, crops: Crops) -> dict[str, float]:
        """One training step; returns the parts of the loss."""
        step = self.progress.step
        random = np.random.default_rng([self.config.seed, step])
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        if step == self.config.unquantized_steps:
            self._start_quantizer(crops)
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        audio, labels = (t.to(self.device) for t in crops.batch(self.config.batch, random))
        parts, latents, codes = self.losses(audio, labels, generator, training=True)
        loss = sum((weight * parts[name] for name, weight in WEIGHTS.items()), audio.new_zeros(()))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        if codes is not None:
            self.net.quantizer.learn(latents, codes, generator)
        self.progress.step += 1
        self.progress.audio_s += audio.numel() / SAMPLE_RATE_HZ
        return {name: float(part.detach()) for name, part in parts.items()}

    def losses(
        self, audio: Tensor, labels: Tensor, generator: torch.Generator, *, training: bool
    ) -> tuple[dict[str, Tensor], Tensor, Tensor | None]:
        """Parts of the loss on audio [B, S], the latents [B T, 64] and their codes (None before quantizing)."""
        frozen = self.share_done >= self.config.encoder_until
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            latents = self._encode(audio)
        flat = latents.flatten(0, 1)
        parts = {"commit": flat.new_zeros(())}
        codes = None
        if self.progress.step >= self.config.unquantized_steps:
            codes = self.net.quantizer.encode(flat.detach(), BEAM if frozen else 1)
            quantized = self.net.quantizer.decode(codes)
            parts["commit"] = (flat - quantized).square().mean()
            latents = (flat + (quantized - flat).detach()).view_as(latents)
        pulses, noise, logits, _ = self.net.decoder(latents, self.net.decoder.start(len(audio), self.device))
        bins = labels[:, 0]
        if not training or self.share_done >= self.config.own_pitch_from:
            own = torch.rand(len(audio), 1, generator=generator) < (0.5 if training else 2.0)
            bins = torch.where(own.to(self.device), pitch_bins(logits.detach()), bins)
        white = torch.randn(audio.shape, generator=generator).to(self.device)
        pitch_hz = bins_to_hz(bins)
        made, _ = self.synthesis(pitch_hz, pulses, noise, white, SynthState.start(len(audio), pitch_hz[:, 0]))
        parts |= self.spectral(made[:, SYNTH_LAG:], audio[:, :-SYNTH_LAG])
        parts["pitch"] = pitch_loss(logits, labels[:, 0], labels[:, 1])
        return parts, flat.detach(), codes

    def _encode(self, audio: Tensor) -> Tensor:
        features = self.analysis(torch.nn.functional.pad(audio, (WINDOW - HOP, 0)))
        latents: Tensor = self.net.encoder(features, self.net.encoder.start(len(audio), self.device))[0]
        return latents

    @torch.no_grad()
    def _start_quantizer(self, crops: Crops) -> None:
        random = np.random.default_rng([self.config.seed, 1, 1])
        batches = [crops.batch(self.config.batch, random)[0] for _ in range(self.config.k_means_batches)]
        latents = torch.cat([self._encode(b.to(self.device)).flatten(0, 1) for b in batches])
        self.net.quantizer.start(latents, torch.Generator().manual_seed(self.config.seed))

    def _learning_rate(self) -> float:
        """Linear rise over 200 steps, cosine fall to a fiftieth over the whole time."""
        rise = min(1.0, (self.progress.step + 1) / 200)
        fall = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.share_done))
        return self.config.learning_rate * rise * fall


def fit_codec(
    audio: Path,
    out: Path,
    *,
    config: FitConfig,
    noise: Path | None = None,
    rooms: Path | None = None,
    device: str = "cpu",
    report: Callable[[str], None] = print,
) -> Path:
    """Train on the folder `audio`, or go on where `out` was left; returns OUT/codec.safetensors.

    noise, rooms: folders of noises and of room responses to mix in. Raises SpeechError where there is no speech.
    """
    fit = Fit(config, device)
    if (out / "state.pt").is_file():
        load_state(fit, out)
    groups = training_groups(audio, config)
    _train(fit, groups, (load_sounds(noise), load_sounds(rooms)), out, report)
    weights = save_weights(fit.net, out / "codec.safetensors")
    figures = measure(load_codec(str(weights), device), held_out_sets(audio))
    sources = [u for group in groups for u in group]
    sources += [u for folder in (noise, rooms) if folder for u in find_speech(folder)]
    write_card(out, figures, about(fit, sources))
    return weights


def _train(
    fit: Fit, groups: list[list[Utterance]], sounds: tuple[Sounds, Sounds], out: Path, report: Callable[[str], None]
) -> None:
    """Step until the end, one group of utterances in memory at a time, saving the state on the way."""
    config = fit.config
    crops, held = None, -1
    while fit.share_done < 1.0:
        group = fit.progress.step // config.pool_steps % len(groups)
        if crops is None or group != held:
            pool, samples = Pool(groups[group], config.seed), config.crop_frames * FRAME_SAMPLES
            crops, held = Crops(pool=pool, noises=sounds[0], rooms=sounds[1], samples=samples), group
        started = time.monotonic()
        parts = fit.step(crops)
        fit.progress.trained_s += time.monotonic() - started
        if fit.progress.step % 50 == 0 or fit.share_done >= 1.0:
            report(progress_line(fit, parts))
        if fit.progress.step % config.save_every == 0:
            save_state(fit, out)
    save_state(fit, out)


def about(fit: Fit, sources: Sequence[Utterance]) -> str:
    """The card's words on the network, the recipe and the data: every file that was trained on."""
    config, done = fit.config, fit.progress
    weights = sum(p.numel() for p in fit.net.parameters()) + fit.net.quantizer.entries.numel()
    lines = [
        "24 kHz, 12.5 frames/s, 8 codebooks of 2,048 entries (1,100 bit/s), causal, one channel at a time.",
        f"{weights / 1e6:.2f} million weights with the codebooks, float16: log-mel and pitch salience at 100 Hz,",
        "causal convolutions to 12.5 Hz, residual vector quantizer, causal convolutions back to 100 Hz, and there a",
        "pulse train and white noise, each through a minimum-phase filter.\n",
        "## Recipe\n",
        f"`duplexset fit codec`: {done.step:,} steps, {done.trained_s / 60:.0f} minutes on {fit.device.type}, "
        f"{done.audio_s / 3_600:.0f} hours of random crops. {config}.\n",
        "## Data\n",
        "One speaker in seven, chosen by a digest of the name, is held out of training and measured below.\n",
        data_table(sources),
    ]
    return "\n".join(lines)


def training_groups(audio: Path, config: FitConfig) -> list[list[Utterance]]:
    """The utterances trained on, in groups that fit in memory. Raises SpeechError where none is left."""
    training = [u for u in find_speech(audio) if not held_out(u.speaker)]
    if not training:
        raise SpeechError(f"every speaker in {audio} is held out for measuring: give a folder with more speakers")
    return pools(training, config.pool_s, config.seed)


def progress_line(fit: Fit, parts: dict[str, float]) -> str:
    """One line: step, time, speed as a multiple of real time, loss parts, entries in use per codebook."""
    done = fit.progress
    losses = " ".join(f"{name} {value:.3f}" for name, value in parts.items())
    used = [int((uses > REVIVE_BELOW * uses.mean()).sum()) for uses in fit.net.quantizer.uses]
    speed = done.audio_s / max(done.trained_s, 1e-9)
    return f"step {done.step}  {done.trained_s / 60:.1f} min  {speed:.0f} x real time  {losses}  entries {used}"


def save_state(fit: Fit, out: Path) -> None:
    """Write everything a resumed run needs to OUT/state.pt."""
    state = {
        "config": asdict(fit.config),
        "progress": asdict(fit.progress),
        "net": fit.net.state_dict(),
        "optimizer": fit.optimizer.state_dict(),
    }
    with whole_file(out / "state.pt") as aside:
        torch.save(state, aside)


def load_state(fit: Fit, out: Path) -> None:
    """Go on from OUT/state.pt. Raises SpeechError where it belongs to another configuration."""
    state = torch.load(out / "state.pt", map_location=fit.device, weights_only=True)
    if state["config"] != asdict(fit.config):
        raise SpeechError(f"{out} holds a training with other settings: give those, or another folder")
    fit.net.load_state_dict(state["net"])
    fit.optimizer.load_state_dict(state["optimizer"])
    fit.progress = Progress(**state["progress"])


def save_weights(net: CodecNet, path: Path) -> Path:
    """Write the weights as float16 safetensors: parameters and codebooks."""
    tensors = {name: t.detach().cpu().half() for name, t in net.state_dict().items()}
    for training_only in ("quantizer.uses", "quantizer.sums"):
        del tensors[training_only]
    with whole_file(path) as aside:
        aside.write_bytes(save(tensors))
    return path
