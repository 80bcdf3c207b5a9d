"""The enhancer's recipe: mixtures made on the fly, loss on compressed spectra, and what it gains on held-out sounds.

Loss: squared differences of spectra whose magnitudes are raised to 0.3, with and without their phases (Braun & Tashev
2020, arxiv.org/abs/2009.12286), which hears quiet sounds, and the error's level in dB below the mixture, kept from
falling further than 20 dB (Wisdom et al. 2020, arxiv.org/abs/2006.12701), which leaves clean speech alone.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.enhancer.net import COMPRESSION, Enhancer
from model.enhancer.scenes import Example, conversation, draw, excerpt, mixed
from model.enhancer.sounds import Material, active_db
from model.fit_data import WholeBatches

Float32 = NDArray[np.float32]
Random = np.random.Generator

FIXED_FROM: Final = (
    0.1  # of the training, from which the norms stay as they are: batches must not tell more than one window
)
PHASE_SHARE: Final = 0.3
SMALLEST: Final = 1e-6
LEAST_ERROR: Final = 1e-2
PER_DB: Final = 0.05
MEASURE_S: Final = 4.0
MEASURE_SNRS_DB: Final = (0.0, 5.0, 10.0)


@dataclass(kw_only=True)
class EnhancerRecipe(WholeBatches[tuple[Tensor, Tensor]]):
    """See `model.fitting.Recipe`. `measured`: held-out material, gone through every `measure_every` steps."""

    material: Material
    measured: Material | None = None
    batch: int = 6
    crop_s: float = 2.5
    measure_every: int = 500
    net: Enhancer = field(default_factory=Enhancer)
    _steps: int = 0

    def make(self, random: Random, share_done: float) -> tuple[Tensor, Tensor]:
        """Mixtures and the speech in them, float32 [batch, samples] each."""
        examples = [draw(self.material, self.crop_s, random) for _ in range(self.batch)]
        mixture = torch.from_numpy(np.stack([e.mixture for e in examples]))
        return mixture, torch.from_numpy(np.stack([e.speech for e in examples]))

    def loss(self, batch: tuple[Tensor, Tensor], share_done: float) -> tuple[Tensor, dict[str, float]]:
        """The loss of a batch, and by how much SI-SDR rises on held-out material where it is time for that."""
        device = next(self.net.parameters()).device
        fix_norms(self.net, share_done >= FIXED_FROM)
        given, wanted = (self.net.spectrum(audio.to(device)) for audio in batch)
        estimate = self.net.estimate(given)
        error_db = error_level_db(estimate, wanted, given).mean()
        loss = spectral_loss(estimate, wanted) + PER_DB * error_db
        self._steps += 1
        if self.measured is None or self._steps % self.measure_every:
            return loss, {"error_db": float(error_db.detach())}
        return loss, improvements(self.net, self.measured)


def fix_norms(net: Enhancer, fixed: bool) -> None:
    """Keep the norms as they are from now on, or let them follow each batch."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train(not fixed)


def spectral_loss(estimate: Tensor, target: Tensor) -> Tensor:
    """The recipe's loss of spectra complex [batch, bins, frames], a scalar."""
    power, wanted_power = (z.real.square() + z.imag.square() + SMALLEST for z in (estimate, target))
    bent, wanted_bent = power ** (COMPRESSION / 2), wanted_power ** (COMPRESSION / 2)
    sizes = (bent - wanted_bent).square().mean()
    scale, wanted_scale = bent * power.rsqrt(), wanted_bent * wanted_power.rsqrt()
    real = (estimate.real * scale - target.real * wanted_scale).square().mean()
    imaginary = (estimate.imag * scale - target.imag * wanted_scale).square().mean()
    return 10 * ((1 - PHASE_SHARE) * sizes + PHASE_SHARE * (real + imaginary))


def error_level_db(estimate: Tensor, target: Tensor, mixture: Tensor) -> Tensor:
    """Level of the estimate's error below the mixture, at least -20 dB, of spectra complex [batch, bins, frames]."""
    error, whole = ((z.real.square() + z.imag.square()).sum((1, 2)) for z in (estimate - target, mixture))
    return 10 * torch.log10((error + LEAST_ERROR * whole + SMALLEST) / (whole + SMALLEST))


def improvements(net: Enhancer, material: Material, count: int = 8, seed: int = 1) -> dict[str, float]:
    """Mean rise of SI-SDR in dB by background and SI-SDR before, and SI-SDR of clean speech after the network.

    `count` crops of four seconds each, always the same.
    """
    random = np.random.default_rng(seed)
    speech = [_spoken(material, random) for _ in range(count)]
    figures = {}
    fix_norms(net, fixed=True)
    for kind, pool in (("noise", material.sounds.noises), ("music", material.sounds.music)):
        under = [excerpt(pool[int(random.integers(len(pool)))], s.size, random) for s in speech if pool]
        for snr_db in MEASURE_SNRS_DB if pool else ():
            rises = [_rise(net, _at(s, u, snr_db)) for s, u in zip(speech, under, strict=True)]
            figures[f"{kind}_{snr_db:g}db"] = float(np.mean(rises))
    clean = [mixed(s, np.zeros_like(s), 0.0) for s in speech]
    figures["clean"] = float(np.median([si_sdr_db(enhanced(net, e.mixture), e.speech) for e in clean]))
    return figures


def enhanced(net: Enhancer, audio: Float32) -> Float32:
    """One crop through the network, without gradients."""
    device = next(net.parameters()).device
    with torch.no_grad():
        out: Float32 = net(torch.from_numpy(audio)[None].to(device))[0].cpu().numpy()
    return out


def si_sdr_db(estimate: Float32, target: Float32) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019), float32 [samples] each."""
    wanted = target.astype(np.float64)
    part = wanted * (float(wanted @ estimate) / max(float(wanted @ wanted), 1e-12))
    return float(10 * np.log10((np.square(part).sum() + 1e-12) / (np.square(part - estimate).sum() + 1e-12)))


def _spoken(material: Material, random: Random) -> Float32:
    """Four seconds in which somebody speaks."""
    while True:
        speech = conversation(material, MEASURE_S, random)
        if np.isfinite(active_db(speech)):
            return speech


def _at(speech: Float32, under: Float32, snr_db: float) -> Example:
    """A mixture whose SI-SDR is `snr_db`: levels are those of the whole crop, not of its active frames."""
    excess_db = 10 * np.log10(np.square(under, dtype=np.float64).mean() / np.square(speech, dtype=np.float64).mean())
    loudness_db = active_db(speech), active_db(under)
    return mixed(speech, under, float(snr_db + excess_db + loudness_db[0] - loudness_db[1]))


def _rise(net: Enhancer, example: Example) -> float:
    return si_sdr_db(enhanced(net, example.mixture), example.speech) - si_sdr_db(example.mixture, example.speech)
