"""Residual vector quantizer: eight codebooks, each quantizing what the ones before it left over.

Codebooks follow the latents by exponential moving averages (van den Oord et al. 2017, appendix A.1; Zeghidour et al.
2021): k-means at the start, entries nobody uses are put back where the data is.
"""

import torch
from torch import Tensor

DECAY = 0.99
REVIVE_BELOW = 0.1
"""An entry used less often than this share of the average is moved onto a random residual."""


class ResidualQuantizer(torch.nn.Module):
    """Latents [frames, dim] to codes [frames, codebooks] and back."""

    def __init__(self, codebooks: int, cardinality: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("entries", torch.zeros(codebooks, cardinality, dim))
        self.register_buffer("uses", torch.ones(codebooks, cardinality))
        self.register_buffer("sums", torch.zeros(codebooks, cardinality, dim))
        self.entries: Tensor
        self.uses: Tensor
        self.sums: Tensor

    def encode(self, latents: Tensor, beam: int = 1) -> Tensor:
        """Codes int64 [frames, codebooks]; with a beam, the best of the `beam` best partial sums (never worse)."""
        frames = latents.shape[0]
        residual = latents[:, None]
        codes = latents.new_zeros(frames, 1, 0, dtype=torch.long)
        for entries in self.entries:
            paths = residual.shape[1]
            keep = min(beam, entries.shape[0])
            near, index = _distances(residual.flatten(0, 1), entries).topk(keep, dim=1, largest=False)
            total = near.view(frames, -1) + residual.square().sum(-1).repeat_interleave(keep, 1)
            _, pick = total.topk(min(beam, total.shape[1]), dim=1, largest=False)
            chosen = index.view(frames, paths * keep).gather(1, pick)
            parent = torch.div(pick, keep, rounding_mode="floor")
            codes = torch.cat([_take(codes, parent), chosen[..., None]], -1)
            residual = _take(residual, parent) - entries[chosen]
        return codes[:, 0]

    def decode(self, codes: Tensor) -> Tensor:
        """Latents [frames, dim] of codes [frames, codebooks] (the first few are enough)."""
        total = self.entries[0][codes[:, 0]]
        for k in range(1, codes.shape[1]):
            total = total + self.entries[k][codes[:, k]]
        return total

    def start(self, latents: Tensor, generator: torch.Generator, rounds: int = 10) -> None:
        """K-means, codebook by codebook, on latents [frames, dim]."""
        residual = latents
        for k in range(self.entries.shape[0]):
            entries = k_means(residual, self.entries.shape[1], generator, rounds)
            index = _distances(residual, entries).argmin(1)
            self.entries[k] = entries
            self.uses[k] = 0.1
            self.sums[k] = 0.1 * entries
            residual = residual - entries[index]

    @torch.no_grad()
    def learn(self, latents: Tensor, codes: Tensor, generator: torch.Generator) -> None:
        """Move the entries towards the latents they were chosen for and revive the unused."""
        residual = latents
        for k in range(self.entries.shape[0]):
            index = codes[:, k]
            taken = self.entries[k][index]
            count = torch.bincount(index, minlength=self.entries.shape[1]).to(residual)
            total = torch.zeros_like(self.sums[k]).index_add_(0, index, residual)
            self.uses[k].mul_(DECAY).add_(count, alpha=1 - DECAY)
            self.sums[k].mul_(DECAY).add_(total, alpha=1 - DECAY)
            mean = float(self.uses[k].mean())
            dead = (self.uses[k] < REVIVE_BELOW * mean).nonzero()[:, 0]
            if dead.numel():
                pick = torch.randint(residual.shape[0], (dead.numel(),), generator=generator).to(dead.device)
                self.sums[k, dead] = residual[pick] * mean
                self.uses[k, dead] = mean
            self.entries[k] = self.sums[k] / self.uses[k, :, None].clamp(min=1e-5)
            residual = residual - taken


def _take(paths: Tensor, parent: Tensor) -> Tensor:
    """Rows of paths [frames, paths, width] at parent [frames, kept]."""
    return paths.gather(1, parent[..., None].expand(-1, -1, paths.shape[-1]))


def _distances(latents: Tensor, entries: Tensor) -> Tensor:
    """Squared distances [frames, entries], less the latents' own squared length."""
    return torch.addmm(entries.square().sum(1), latents, entries.T, alpha=-2.0)


def k_means(points: Tensor, count: int, generator: torch.Generator, rounds: int) -> Tensor:
    """Centres [count, dim] of points [n, dim]; centres left empty are put on random points."""
    start = torch.randint(points.shape[0], (count,), generator=generator).to(points.device)
    centres = points[start].clone()
    for _ in range(rounds):
        index = torch.cat([_distances(part, centres).argmin(1) for part in torch.split(points, 8_192)])
        uses = torch.bincount(index, minlength=count).to(points)
        sums = torch.zeros_like(centres).index_add_(0, index, points)
        random = torch.randint(points.shape[0], (count,), generator=generator).to(points.device)
        centres = torch.where(uses[:, None] > 0, sums / uses[:, None].clamp(min=1.0), points[random])
    return centres
