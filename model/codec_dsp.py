"""Signal processing of the built-in codec: what the network hears and how it speaks.

Analysis frames end at the sample they are named after, so that nothing looks ahead. Synthesis is a pulse train and
white noise, both filtered by minimum-phase envelopes and overlap-added. All at 24 kHz with a hop of 240 (100 Hz).

Shape suffixes: B batch, N 100-Hz frames, S samples, K bands, F frequency bins.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

SAMPLE_RATE_HZ = 24_000
HOP = 240
WINDOW = 960
MEL_BANDS = 80
LAGS = 96
FILTER_BANDS = 64
PITCH_BINS = 128
PITCH_MIN_HZ = 55.0
PITCH_MAX_HZ = 550.0
SYNTH_LAG = 2 * HOP
"""Synthesis of n frames completes the samples before n * HOP - SYNTH_LAG."""
FEATURES = MEL_BANDS + LAGS
SYNTH_FFT = 960
PITCH_BAND_HZ = 1_800.0


def pitch_grid_hz(count: int = PITCH_BINS) -> Tensor:
    """Centre frequencies of `count` logarithmic pitch bins, 55 to 550 Hz."""
    steps = torch.linspace(0.0, 1.0, count, dtype=torch.float64)
    return (PITCH_MIN_HZ * (PITCH_MAX_HZ / PITCH_MIN_HZ) ** steps).float()


def _mel(hz: Tensor | float) -> Tensor:
    return 2595.0 * torch.log10(1.0 + torch.as_tensor(hz, dtype=torch.float64) / 700.0)


def mel_filters(bins: int, bands: int, low_hz: float = 30.0) -> Tensor:
    """Triangular mel filters [bins, bands] up to 12 kHz, each summing to one; every band covers a bin at least."""
    hz = torch.linspace(0.0, SAMPLE_RATE_HZ / 2, bins, dtype=torch.float64)
    edges = torch.linspace(float(_mel(low_hz)), float(_mel(SAMPLE_RATE_HZ / 2)), bands + 2, dtype=torch.float64)
    edges_hz = 700.0 * (10.0 ** (edges / 2595.0) - 1.0)
    low, centre, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    step = SAMPLE_RATE_HZ / 2 / (bins - 1)
    low, high = torch.minimum(low, centre - step), torch.maximum(high, centre + step)
    rise = (hz[:, None] - low) / (centre - low)
    fall = (high - hz[:, None]) / (high - centre)
    weights = torch.minimum(rise, fall).clamp(min=0.0)
    return (weights / weights.sum(0, keepdim=True)).float()


def _salience_matrix(fft_size: int, lags_hz: Tensor, window: Tensor) -> Tensor:
    """Matrix [bins, lags] from a magnitude spectrum to its autocorrelation at the lags, lag zero in column 0."""
    bins = fft_size // 2 + 1
    hz = torch.arange(bins, dtype=torch.float64) * SAMPLE_RATE_HZ / fft_size
    weight = torch.sigmoid((PITCH_BAND_HZ - hz) / 150.0) * torch.sigmoid((hz - 40.0) / 10.0)
    lags_s = torch.cat([torch.zeros(1, dtype=torch.float64), 1.0 / lags_hz.double()])
    size = window.numel()
    spectrum = torch.fft.rfft(window.double(), 2 * size).abs().square()
    window_acf = torch.fft.irfft(spectrum)[:size]
    at = (lags_s * SAMPLE_RATE_HZ).round().long().clamp(max=size - 1)
    decay = (window_acf[at] / window_acf[0]).clamp(min=0.05) ** 0.8
    matrix: Tensor = weight[:, None] * torch.cos(2 * math.pi * hz[:, None] * lags_s) / decay
    return matrix.float()


def salience(magnitude: Tensor, matrix: Tensor) -> Tensor:
    """Normalised autocorrelation [..., lags] of the magnitude spectrum [..., bins]: about 1 at a clear period."""
    correlation = magnitude @ matrix
    return correlation[..., 1:] / (correlation[..., :1] + 1e-6)


class Analysis(torch.nn.Module):
    """Audio to what the encoder hears: log-mel and pitch salience."""

    FFT = 1_024

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(WINDOW)
        used = int(3_000 / SAMPLE_RATE_HZ * self.FFT)
        matrix = _salience_matrix(self.FFT, pitch_grid_hz(LAGS), window)[:used]
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("mel", mel_filters(self.FFT // 2 + 1, MEL_BANDS), persistent=False)
        self.register_buffer("lags", matrix, persistent=False)
        self.window: Tensor
        self.mel: Tensor
        self.lags: Tensor

    def forward(self, audio_BS: Tensor) -> Tensor:
        """Features [B, N, 80 + 96]. The audio starts with the 720 samples before its first frame's hop."""
        frames = audio_BS.unfold(-1, WINDOW, HOP) * self.window
        spectrum = torch.view_as_real(torch.fft.rfft(frames, self.FFT))
        power = spectrum.square().sum(-1) * (4.0 / WINDOW**2)
        level = 0.5 * torch.log(power @ self.mel + 1e-11)
        pitch = salience(torch.sqrt(power[..., : self.lags.shape[0]] + 1e-12), self.lags)
        return torch.cat([(level + 6.5) / 3.0, pitch], -1)


class PitchLabels(torch.nn.Module):
    """The pitch a training item is taught: autocorrelation of the magnitude spectrum and a best path through it."""

    WINDOW = 1_440
    FFT = 2_880

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(self.WINDOW)
        used = int(3_000 / SAMPLE_RATE_HZ * self.FFT)
        self.register_buffer("window", window, persistent=False)
        matrix = _salience_matrix(self.FFT, pitch_grid_hz(), window)[:used]
        self.register_buffer("lags", matrix, persistent=False)
        self.register_buffer("tilt", torch.linspace(0.0, 0.08, PITCH_BINS), persistent=False)
        self.window: Tensor
        self.lags: Tensor
        self.tilt: Tensor

    def forward(self, audio_BS: Tensor) -> tuple[Tensor, Tensor]:
        """Bins [B, N] (fractional) and clarity [B, N] (0 to 1) around the samples n * 240 of the clean audio."""
        half = self.WINDOW // 2
        padded = torch.nn.functional.pad(audio_BS, (half, half))
        frames = padded.unfold(-1, self.WINDOW, HOP)[:, : audio_BS.shape[-1] // HOP] * self.window
        magnitude = torch.fft.rfft(frames, self.FFT).abs()[..., : self.lags.shape[0]]
        loud = magnitude.square().sum(-1).add(1e-9).sqrt()
        gate = loud / (loud + 0.02 * loud.amax(-1, keepdim=True) + 1e-3)
        score = salience(magnitude, self.lags)
        bins = best_path((score + self.tilt) * gate[..., None])
        clarity = score.gather(-1, bins[..., None])[..., 0].clamp(0.0, 1.0) * gate
        return _parabola(score, bins), clarity


def best_path(score: Tensor, reach: int = 6, cost: float = 0.03) -> Tensor:
    """Viterbi path [B, N] through scores [B, N, bins]: k bins away costs k * cost, beyond `reach` bins 0.5."""
    _, count, bins = score.shape
    shifts = torch.arange(-reach, reach + 1)
    penalty = shifts.abs().to(score) * cost
    total = score[:, 0]
    back = []
    for n in range(1, count):
        padded = torch.nn.functional.pad(total, (reach, reach), value=-1e9)
        near, choice = (padded.unfold(1, 2 * reach + 1, 1) - penalty).max(-1)
        far, jump = total.max(-1, keepdim=True)
        is_far = near < far - 0.5
        origin = torch.arange(bins, device=score.device) + choice - reach
        back.append(torch.where(is_far, jump, origin))
        total = torch.where(is_far, far - 0.5, near) + score[:, n]
    path = [total.argmax(-1)]
    path.extend(_trace(back, path[0]))
    return torch.stack(path[::-1], 1)


def _trace(back: list[Tensor], last: Tensor) -> list[Tensor]:
    steps = []
    for origin in reversed(back):
        last = origin.gather(1, last[:, None])[:, 0]
        steps.append(last)
    return steps


def _parabola(score: Tensor, bins: Tensor) -> Tensor:
    """Fractional position of the peak at `bins`, within half a bin."""
    centre = bins.clamp(1, score.shape[-1] - 2)
    left, mid, right = (score.gather(-1, (centre + k)[..., None])[..., 0] for k in (-1, 0, 1))
    curve = (left - 2 * mid + right).clamp(max=-1e-4)
    return centre + (0.5 * (left - right) / curve).clamp(-0.5, 0.5)


def bins_to_hz(bins: Tensor) -> Tensor:
    """Frequency of fractional pitch bins."""
    return PITCH_MIN_HZ * torch.exp(bins * (math.log(PITCH_MAX_HZ / PITCH_MIN_HZ) / (PITCH_BINS - 1)))


@dataclass
class SynthState:
    """What synthesis carries from block to block, per item: phase in cycles, pitch, sources and the filters' tail."""

    phase: Tensor  # float64 [B]
    pitch_hz: Tensor  # [B]
    sources: Tensor  # [B, 2, HOP]
    tail: Tensor  # [B, SYNTH_FFT - HOP]

    @staticmethod
    def start(batch: int, pitch_hz: Tensor) -> "SynthState":
        """State before the first frame."""
        zeros = torch.zeros(batch, 2, HOP, device=pitch_hz.device)
        tail = torch.zeros(batch, SYNTH_FFT - HOP, device=pitch_hz.device)
        return SynthState(torch.zeros(batch, dtype=torch.float64, device=pitch_hz.device), pitch_hz, zeros, tail)


class Synthesis(torch.nn.Module):
    """Pitch and two spectral envelopes to audio."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(2 * HOP), persistent=False)
        shape, phase = _minimum_phase_matrices()
        self.register_buffer("log_gain", shape, persistent=False)
        self.register_buffer("phase", phase, persistent=False)
        ramp = torch.arange(1, HOP + 1, dtype=torch.float32) / HOP
        self.register_buffer("ramp", ramp, persistent=False)
        self.window: Tensor
        self.log_gain: Tensor
        self.phase: Tensor
        self.ramp: Tensor

    def forward(
        self, pitch_hz: Tensor, harmonic: Tensor, noisy: Tensor, white_BS: Tensor, state: SynthState
    ) -> tuple[Tensor, SynthState]:
        """Audio [B, N * HOP] (late by SYNTH_LAG) from pitch [B, N], log gains [B, N, 64] twice, white noise.

        Frame n is centred at (n - 1) * HOP; its pitch holds at n * HOP.
        """
        count = pitch_hz.shape[1]
        with torch.no_grad():
            pulses, phase = self._pulses(pitch_hz, state)
            sources = torch.cat([state.sources, torch.stack([pulses, white_BS], 1)], -1)
            frames = torch.fft.rfft(sources.unfold(-1, 2 * HOP, HOP) * self.window, SYNTH_FFT)
        spectrum = frames[:, 0] * self._filter(harmonic) + frames[:, 1] * self._filter(noisy)
        pieces = torch.fft.irfft(spectrum, SYNTH_FFT).unflatten(-1, (SYNTH_FFT // HOP, HOP))
        overlap = SYNTH_FFT // HOP
        shifted = [
            torch.nn.functional.pad(pieces[:, :, k], (0, 0, k, overlap - 1 - k)).flatten(1) for k in range(overlap)
        ]
        summed = torch.stack(shifted).sum(0)
        summed = summed + torch.nn.functional.pad(state.tail, (0, summed.shape[1] - state.tail.shape[1]))
        done = count * HOP
        after = SynthState(phase, pitch_hz[:, -1], sources[..., -HOP:], summed[:, done:])
        return summed[:, :done], after

    def _pulses(self, pitch_hz: Tensor, state: SynthState) -> tuple[Tensor, Tensor]:
        """Band-limited pulse train [B, N * HOP] of unit variance, and the phase after it."""
        before = torch.cat([state.pitch_hz[:, None], pitch_hz[:, :-1]], 1)
        hz = (before[..., None] + (pitch_hz - before)[..., None] * self.ramp).flatten(1)
        cycles = state.phase[:, None] + torch.cumsum(hz.double() / SAMPLE_RATE_HZ, 1)
        turn = (cycles - cycles.floor()).float()
        harmonics = torch.floor(0.48 * SAMPLE_RATE_HZ / hz)
        half = torch.sin(math.pi * turn)
        full = torch.sin(math.pi * torch.remainder((2 * harmonics + 1) * turn, 2.0))
        ratio = torch.where(half.abs() < 1e-4, 2 * harmonics + 1, full / half.clamp(min=1e-4))
        return 0.5 * (ratio - 1.0) * torch.sqrt(2.0 / harmonics), cycles[:, -1] % 1.0

    def _filter(self, log_gains: Tensor) -> Tensor:
        return torch.polar(torch.exp(log_gains @ self.log_gain), log_gains @ self.phase)


def _minimum_phase_matrices() -> tuple[Tensor, Tensor]:
    """Matrices [64, bins] from log gains at mel-spaced points to the log gain and to the minimum phase of each bin.

    Both are linear: the phase is the Hilbert transform of the log gain (folded cepstrum).
    """
    fine = 8 * SYNTH_FFT
    bins = fine // 2 + 1
    points = torch.linspace(0.0, float(_mel(SAMPLE_RATE_HZ / 2)), FILTER_BANDS, dtype=torch.float64)
    place = _mel(torch.linspace(0.0, SAMPLE_RATE_HZ / 2, bins, dtype=torch.float64))
    step = float(points[1])
    shape = (1.0 - (place[None] - points[:, None]).abs() / step).clamp(min=0.0)
    cepstrum = torch.fft.irfft(shape, fine)
    fold = torch.zeros(fine, dtype=torch.float64)
    fold[0] = fold[fine // 2] = 1.0
    fold[1 : fine // 2] = 2.0
    response = torch.fft.rfft(cepstrum * fold, fine)[:, ::8]
    return response.real.float(), response.imag.float()
