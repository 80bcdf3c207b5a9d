"""Training examples: seeded, at the wanted ratio, one or two voices, made-up music."""

import numpy as np
import pytest

from model.enhancer.music import made_music, made_noise
from model.enhancer.net import NOMINAL_DB
from model.enhancer.scenes import conversation, draw, excerpt, mixed
from model.enhancer.sounds import Material, active_db

RATE = 24_000


def test_an_example_follows_from_its_seed(material: Material) -> None:
    for seed in range(6):
        first, again = (draw(material, 1.0, np.random.default_rng(seed)) for _ in range(2))
        assert first.mixture.tobytes() == again.mixture.tobytes()
        assert first.speech.tobytes() == again.speech.tobytes()
        assert first.mixture.shape == first.speech.shape == (RATE,)
        assert first.mixture.dtype == first.speech.dtype == np.float32
        assert np.isfinite(first.mixture).all()


def test_some_examples_are_clean_and_some_without_speech(material: Material) -> None:
    examples = [draw(material, 0.5, np.random.default_rng(seed)) for seed in range(150)]
    clean = sum(np.array_equal(e.mixture, e.speech) for e in examples)
    silent = sum(not e.speech.any() for e in examples)
    assert 3 <= clean <= 40
    assert 1 <= silent <= 60


@pytest.mark.parametrize("snr_db", [0.0, 17.0])
def test_the_background_stands_where_it_was_asked_for(snr_db: float) -> None:
    random = np.random.default_rng(0)
    speech, noise = (random.standard_normal(RATE).astype(np.float32) for _ in range(2))
    example = mixed(speech * 0.01, noise * 3, snr_db, louder_db=4.0)
    assert active_db(example.speech) == pytest.approx(NOMINAL_DB + 4.0, abs=0.01)
    assert active_db(example.mixture - example.speech) == pytest.approx(NOMINAL_DB + 4.0 - snr_db, abs=0.01)


def test_a_conversation_is_clean_and_of_the_wanted_length(material: Material) -> None:
    made = [conversation(material, 2.0, np.random.default_rng(seed)) for seed in range(8)]
    assert {audio.size for audio in made} == {2 * RATE}
    assert sum(np.isfinite(active_db(audio)) for audio in made) >= 6


def test_an_excerpt_goes_round() -> None:
    sound = np.arange(5, dtype=np.float32)
    cut = excerpt(sound, 12, np.random.default_rng(0))
    assert cut.size == 12
    assert np.array_equal(np.diff(cut) % 5, np.ones(11))


@pytest.mark.parametrize("make", [made_music, made_noise])
def test_made_up_backgrounds_are_seeded_and_sound(make: object) -> None:
    assert callable(make)
    for seed in range(12):
        first, again = (make(RATE, np.random.default_rng(seed)) for _ in range(2))
        assert first.tobytes() == again.tobytes()
        assert first.dtype == np.float32
        assert first.shape == (RATE,)
        assert np.isfinite(first).all()
        assert first.std() > 1e-3
