"""The residual quantizer: greedy by definition, better with a beam, every entry kept in use."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from model.quantizer import ResidualQuantizer, k_means


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def latents(generator: torch.Generator) -> Tensor:
    """Correlated Gaussian vectors [4000, 6]."""
    return torch.randn(4_000, 6, generator=generator) @ torch.randn(6, 6, generator=generator)


@pytest.fixture
def quantizer(latents: Tensor, generator: torch.Generator) -> ResidualQuantizer:
    started = ResidualQuantizer(4, 32, 6)
    started.start(latents, generator)
    return started


def squared_error(quantizer: ResidualQuantizer, latents: Tensor, codes: Tensor) -> float:
    return float((latents - quantizer.decode(codes)).square().sum(1).mean())


def test_each_code_is_the_nearest_entry_to_what_is_left(quantizer: ResidualQuantizer, latents: Tensor) -> None:
    codes = quantizer.encode(latents[:50])
    residual = latents[:50]
    for k in range(4):
        nearest = torch.cdist(residual, quantizer.entries[k]).argmin(1)
        assert torch.equal(codes[:, k], nearest)
        residual = residual - quantizer.entries[k][nearest]


def test_every_codebook_takes_error_away(quantizer: ResidualQuantizer, latents: Tensor) -> None:
    codes = quantizer.encode(latents)
    errors = [squared_error(quantizer, latents, codes[:, :k]) for k in range(1, 5)]
    assert all(after < 0.6 * before for before, after in pairwise(errors))


def test_a_beam_finds_smaller_errors(quantizer: ResidualQuantizer, latents: Tensor) -> None:
    greedy = squared_error(quantizer, latents, quantizer.encode(latents))
    searched = squared_error(quantizer, latents, quantizer.encode(latents, beam=8))
    assert searched < 0.95 * greedy


def test_a_full_beam_is_exhaustive_search(generator: torch.Generator) -> None:
    quantizer = ResidualQuantizer(2, 8, 3)
    quantizer.entries.normal_(generator=generator)
    points = torch.randn(20, 3, generator=generator)
    pairs = torch.cartesian_prod(torch.arange(8), torch.arange(8))
    best = pairs[torch.cdist(points, quantizer.decode(pairs)).argmin(1)]
    assert torch.equal(quantizer.encode(points, beam=8), best)


def test_entries_nobody_uses_are_put_where_the_data_is(
    quantizer: ResidualQuantizer, latents: Tensor, generator: torch.Generator
) -> None:
    quantizer.entries[0, :16] = 1e3
    quantizer.sums[0, :16] = 1e3 * quantizer.uses[0, :16, None]
    for _ in range(800):
        batch = latents[torch.randint(len(latents), (256,), generator=generator)]
        quantizer.learn(batch, quantizer.encode(batch), generator)
    codes = quantizer.encode(latents)
    assert torch.bincount(codes[:, 0], minlength=32).min() > 0


def test_entries_follow_the_mean_of_what_they_stand_for(generator: torch.Generator) -> None:
    quantizer = ResidualQuantizer(1, 2, 1)
    quantizer.start(torch.tensor([[-1.0], [1.0]] * 8), generator, rounds=3)
    moved = torch.tensor([[-3.0], [2.0]] * 8)
    for _ in range(3_000):
        quantizer.learn(moved, quantizer.encode(moved), generator)
    assert sorted(quantizer.entries[0, :, 0].tolist()) == pytest.approx([-3.0, 2.0], abs=1e-2)


def test_k_means_finds_separate_clusters(generator: torch.Generator) -> None:
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = centres.repeat(50, 1) + 0.1 * torch.randn(150, 2, generator=generator)
    found = k_means(points, 12, generator, rounds=10)
    assert torch.cdist(centres, found).min(1).values.max() < 0.3
