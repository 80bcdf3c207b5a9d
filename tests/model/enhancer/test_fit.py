"""The enhancer's recipe: learns on a minute of sound, is seeded, measures what it should."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.enhancer.fit import EnhancerRecipe, error_level_db, improvements, si_sdr_db, spectral_loss
from model.enhancer.net import Enhancer
from model.enhancer.sounds import Material
from model.fitting import FitConfig, run


def _recipe(material: Material) -> EnhancerRecipe:
    torch.manual_seed(0)
    return EnhancerRecipe(material=material, batch=2, crop_s=0.6)


def _loss(net: Enhancer, material: Material) -> float:
    recipe = EnhancerRecipe(material=material, batch=6, crop_s=0.6, net=net)
    with torch.no_grad():
        return float(
            np.mean([float(recipe.loss(recipe.make(np.random.default_rng(k), 0.0), 0.0)[0]) for k in (100, 101)])
        )


def test_it_learns_on_a_minute_of_sound(material: Material, tmp_path: Path) -> None:
    recipe = _recipe(material)
    before = _loss(recipe.net, material)
    config = FitConfig(steps=20, learning_rate=2e-3, warmup_steps=5)
    run(recipe, config, tmp_path, lambda _: None)
    assert _loss(recipe.net, material) < 0.85 * before


def test_the_same_seed_gives_the_same_weights(material: Material, tmp_path: Path) -> None:
    nets = []
    for name in ("a", "b"):
        recipe = _recipe(material)
        run(recipe, FitConfig(steps=2, warmup_steps=1), tmp_path / name, lambda _: None)
        nets.append(recipe.net.state_dict())
    assert all(torch.equal(nets[0][key], nets[1][key]) for key in nets[0])


def test_the_loss_is_the_definition() -> None:
    random = torch.Generator().manual_seed(0)
    made, wanted = (torch.randn(2, 9, 7, dtype=torch.complex64, generator=random) for _ in range(2))
    assert float(spectral_loss(wanted, wanted)) == 0.0
    sizes = (made.abs() ** 0.3 - wanted.abs() ** 0.3).square().mean()
    phases = torch.polar(made.abs() ** 0.3, made.angle()) - torch.polar(wanted.abs() ** 0.3, wanted.angle())
    expected = 10 * (0.7 * sizes + 0.3 * phases.abs().square().mean())
    assert float(spectral_loss(made, wanted)) == pytest.approx(float(expected), rel=1e-4)


def test_the_error_counts_down_to_twenty_db_below_the_mixture() -> None:
    mixture = torch.full((2, 3, 5), 2.0 + 0.0j)
    target = mixture.clone()
    estimate = torch.stack([mixture[0], mixture[1] * 0.9])
    found = error_level_db(estimate, target, mixture)
    assert found[0].item() == pytest.approx(-20.0, abs=0.01)
    assert found[1].item() == pytest.approx(10 * np.log10(0.01 + 0.01), abs=0.01)


def test_si_sdr_is_the_definition() -> None:
    random = np.random.default_rng(0)
    target = random.standard_normal(24_000)
    error = random.standard_normal(24_000)
    error -= target * (error @ target) / (target @ target)
    error *= 0.1 * np.linalg.norm(target) / np.linalg.norm(error)  # 20 dB down and at right angles
    estimate = (3 * (target + error)).astype(np.float32)
    assert si_sdr_db(estimate, target.astype(np.float32)) == pytest.approx(20.0, abs=0.01)


def test_what_changes_nothing_gains_nothing(material: Material) -> None:
    class Same(Enhancer):
        def forward(self, audio: torch.Tensor) -> torch.Tensor:
            return audio

    figures = improvements(Same(), material, count=2)
    names = {f"{kind}_{level}db" for kind in ("noise", "music") for level in (0, 5, 10)}
    assert set(figures) == {*names, "clean"}
    assert all(figures[name] == pytest.approx(0.0, abs=1e-6) for name in names)
    assert figures["clean"] > 60
