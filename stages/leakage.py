"""How much of each channel's speaker is heard in the other one: correlations gathered over a whole recording.

From channel a to channel b the path h is the weighted least-squares answer to b = h * a. A window counts by 1 over
the energy of b in it, so that the windows in which b's own speaker is silent decide, and nobody has to say which
these are. What both channels carry while nobody speaks (hum) is subtracted. Memory is bounded: sums of spectra.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Complex = NDArray[np.complex128]
Bool = NDArray[np.bool_]

RATE_HZ: Final = 8_000
MAX_DELAY_S: Final = 0.128
FLOOR_DB: Final = -120.0  # what is written for "none that could be resolved"
_WINDOW: Final = 2_048
_LAGS: Final = int(MAX_DELAY_S * RATE_HZ)
_WIDE: Final = _WINDOW + 2 * _LAGS
_HOP: Final = 2_048
_BATCH: Final = 128  # windows; the quietest tenth of a batch stands for its background
_LOW_HZ: Final = 150.0
_TAPS: Final = (16, 64, 256)  # 2, 8, 32 ms
_BEFORE: Final = 8  # an eighth of the taps lies before the lag
_SIGNIFICANCE: Final = 10.0  # standard deviations of chance
_EVENING: Final = 3e-2  # of the loudest bin: the spectra are evened out above it before the strongest lag is sought
_CLOSE: Final = 160  # 20 ms: lags that belong to the same path
_CLEAR: Final = 1.5  # by this factor, the lag of a spread-out path is taken for its delay
_DETECTION: Final = 2.0  # a true path stands out by this factor from the best accident at any other lag
_MAX_RATIO_DB: Final = 80

_TAPER: Final = torch.hann_window(_WINDOW)
_SCALE: Final = float(_TAPER.square().sum()) * _WIDE / 2  # energy of a window at full scale
_SILENCE: Final = _SCALE * 1e-8  # -80 dB
_LOW_BIN: Final = int(np.ceil(_LOW_HZ * _WIDE / RATE_HZ))


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The way of one speaker into the other's channel: level relative to the own channel, and lag."""

    level_db: float
    delay_s: float


NO_PATH: Final = Path(level_db=FLOOR_DB, delay_s=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crosstalk:
    """What was gathered. `paths[c]`: of the other speaker into channel c.

    `peak_db[c]`: the loudest window, dB below full scale. `ratio_counts`: active windows by level of channel 0 over
    channel 1, -80 to 80 dB. `energy[c]`: their energy in channel c by the same bins. `active_s[c]`: seconds with
    sound above the background in channel c. `coherence`: share of the energy that both have in common.
    """

    paths: tuple[Path, Path]
    peak_db: tuple[float, float]
    ratio_counts: Float64
    energy: Float64
    active_s: tuple[float, float]
    coherence: float


class CrosstalkMeter:
    """Gathers a stream of float32 [2, n] blocks at 8 kHz."""

    def __init__(self) -> None:
        bins = _WIDE // 2 + 1
        self._audio = np.zeros((2, _LAGS), np.float32)
        self._cross = np.zeros((2, bins), np.complex128)  # weighted, of the other channel into c
        self._auto = np.zeros((2, bins))  # weighted, of the other channel
        self._chance = np.zeros((2, bins))  # power that the sums in `_cross` have without any leak
        self._common = np.zeros(bins, np.complex128)
        self._own = np.zeros((2, bins))
        self._peak = np.zeros(2)
        self._active = np.zeros(2)
        self._ratio_counts = np.zeros(2 * _MAX_RATIO_DB + 1)
        self._energy = np.zeros((2, 2 * _MAX_RATIO_DB + 1))

    def push(self, block: Float32) -> None:
        """Take a block."""
        self._audio = np.concatenate([self._audio, block], axis=1)
        while self._audio.shape[1] >= _WIDE + (_BATCH - 1) * _HOP:
            self._add(_BATCH)

    def result(self) -> Crosstalk:
        """The figures of everything taken; the stream ends here."""
        self._audio = np.pad(self._audio, ((0, 0), (0, _WINDOW + _LAGS)))
        windows = (self._audio.shape[1] - _WIDE) // _HOP + 1
        if windows > 0:
            self._add(windows)
        peak_db = 10.0 * np.log10(self._peak / _SCALE + 1e-20)
        active_s = self._active * _HOP / RATE_HZ
        return Crosstalk(
            paths=(self._path_into(0), self._path_into(1)),
            peak_db=(float(peak_db[0]), float(peak_db[1])),
            ratio_counts=self._ratio_counts,
            energy=self._energy,
            active_s=(float(active_s[0]), float(active_s[1])),
            coherence=_coherence(self._common, self._own),
        )

    def _path_into(self, c: int) -> Path:
        return _path(self._cross[c], self._auto[c], self._chance[c])

    def _add(self, count: int) -> None:
        audio, self._audio = self._audio, self._audio[:, count * _HOP :].copy()
        windows = torch.from_numpy(audio).unfold(1, _WIDE, _HOP)[:, :count]
        narrow = torch.zeros(windows.shape)
        narrow[:, :, _LAGS:-_LAGS] = windows[:, :, _LAGS:-_LAGS] * _TAPER
        spectra = torch.fft.rfft(narrow)
        spectra[:, :, :_LOW_BIN] = 0.0
        around = torch.fft.rfft(windows)
        energy, background = _energies((spectra.real**2 + spectra.imag**2).numpy())
        self._peak = np.maximum(self._peak, energy.max(axis=1))
        active = energy > 4.0 * background[:, None]
        self._count(energy, background, active)
        sounding = active[0] | active[1]
        for c in (0, 1):
            reference = np.maximum(energy[c], np.maximum(1e-6 * energy[1 - c], background[c]))
            weights = _less_quiet(np.stack([np.where(active[1 - c], 1.0 / reference, 0.0), sounding]), sounding)
            product = spectra[1 - c].conj() * around[c]
            cross = _weighted(weights, product)
            auto = _weighted(weights, spectra[1 - c].conj() * around[1 - c]).real
            self._chance[c] += _weighted(weights[:1] ** 2, product.abs().square())[0].real
            self._cross[c] += cross[0]
            self._auto[c] += auto[0]
            self._common += (cross[1] if c else cross[1].conj()) / 2
            self._own[1 - c] += auto[1]

    def _count(self, energy: Float64, background: Float64, active: Bool) -> None:
        self._active += active.sum(axis=1)
        sounding = active.any(axis=0)
        levels = np.maximum(energy, background[:, None])[:, sounding]
        ratio_db = 10.0 * np.log10(levels[0] / levels[1])
        bins = np.clip(np.rint(ratio_db), -_MAX_RATIO_DB, _MAX_RATIO_DB).astype(np.int64) + _MAX_RATIO_DB
        np.add.at(self._ratio_counts, bins, 1.0)
        for c in (0, 1):
            np.add.at(self._energy[c], bins, levels[c])


def _energies(power: Float32) -> tuple[Float64, Float64]:
    """Energy of each window above the batch's background, [2, windows], and how much of it is chance, [2].

    power: [2, windows, bins]. The background is the mean of the quietest tenth of the windows of a channel.
    """
    total = power.sum(axis=2, dtype=np.float64)
    n_quiet = max(1, total.shape[1] // 10)
    quietest = np.sort(total, axis=1)[:, :n_quiet]
    background = quietest.mean(axis=1)
    chance = np.maximum(3.0 * quietest.std(axis=1) + 0.1 * background, _SILENCE)
    return np.maximum(total - background[:, None], 0.0), chance


def _less_quiet(weights: Float64, sounding: Bool) -> Float64:
    """Weights [rows, windows] that take off what the quiet windows show to be there all the time."""
    quiet = ~sounding
    less: Float64 = weights - weights.sum(axis=1, keepdims=True) * quiet / max(1, int(quiet.sum()))
    return less


def _weighted(weights: Float64, products: torch.Tensor) -> Complex:
    """Weighted sums over windows, [rows, bins]."""
    scale = float(np.abs(weights).max()) or 1.0  # keeps them within float32
    rows = torch.from_numpy((weights / scale).astype(np.float32)).to(products.dtype)
    return (rows @ products).numpy().astype(np.complex128) * scale


def _path(cross: Complex, auto: Float64, chance: Float64) -> Path:
    """The level and lag of a leak from the sums of its spectra.

    A path that stands out at one lag is measured by least squares over the taps around it, which resolves it far
    below the noise; one that is spread out (a room) by all its coherent energy, where that cannot be chance.
    """
    power = np.fft.irfft(auto)[: max(_TAPS)]
    if power[0] <= 0.0 or not cross.any():
        return NO_PATH
    evened = cross / (auto.clip(0.0) + _EVENING * auto.max())
    response = np.abs(np.roll(np.fft.irfft(evened), _LAGS)[: 2 * _LAGS + 1])
    lag = int(np.argmax(response))
    accident = float(np.delete(response, np.s_[max(0, lag - _CLOSE) : lag + _CLOSE]).max())
    spread, is_spread = _coherent_share(cross, auto, chance)
    if response[lag] >= _DETECTION * accident:
        share = _share_at(np.roll(np.fft.irfft(cross), _LAGS)[: 2 * _LAGS + 1], power, lag)
        share = max(share, spread) if is_spread else share
    elif is_spread:
        share = spread
    else:
        return NO_PATH
    level_db = 10.0 * np.log10(max(share, 1e-12))
    delay_s = (lag - _LAGS) / RATE_HZ if response[lag] > _CLEAR * accident else 0.0
    return Path(level_db=float(level_db), delay_s=delay_s)


def _coherent_share(cross: Complex, auto: Float64, chance: Float64) -> tuple[float, bool]:
    """Share of the speaker's energy that is in the other channel at any lag, and whether it is more than chance."""
    usable = auto > 1e-4 * auto.max()
    excess = (np.abs(cross[usable]) ** 2 - chance[usable]) / auto[usable]
    spread = float(np.sqrt(((chance[usable] / auto[usable]) ** 2).sum()))
    return float(excess.sum() / auto[usable].sum()), float(excess.sum()) > _SIGNIFICANCE * spread


def _share_at(between: Float64, power: Float64, lag: int) -> float:
    """Least-squares share of energy from taps around a lag, less what the same taps find at lags far from it.

    The widest set of taps whose answer is certain; the narrowest if none is.
    """
    share = 0.0
    for taps in _TAPS:
        apart = np.abs(np.subtract.outer(np.arange(taps), np.arange(taps)))
        matrix = power[apart] + 1e-3 * power[0] * np.eye(taps)
        starts = np.arange(0, between.size - taps + 1, taps)
        first = min(max(lag - taps // _BEFORE, 0), between.size - taps)
        starts = np.append(starts[np.abs(starts - first) >= taps + _CLOSE], first)
        targets = np.stack([between[start : start + taps] for start in starts], axis=1)
        shares = (targets * np.linalg.solve(matrix, targets)).sum(axis=0) / power[0]
        excess = float(shares[-1] - shares[:-1].mean())
        if taps == _TAPS[0] or excess > 4.0 * float(shares[:-1].std()):
            share = excess
    return share


def _coherence(common: Complex, own: Float64) -> float:
    """Magnitude-squared coherence, averaged over frequency by energy."""
    product = own[0] * own[1]
    usable = (own[0] > 0.0) & (own[1] > 0.0)
    if not usable.any():
        return 0.0
    squared = np.zeros_like(product)
    squared[usable] = np.minimum(np.abs(common[usable]) ** 2 / product[usable], 1.0)
    weight = np.where(usable, own[0] / own[0][usable].sum() + own[1] / own[1][usable].sum(), 0.0)
    return float((squared * weight).sum() / weight.sum())
