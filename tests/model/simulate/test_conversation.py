from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.simulate.conversation import Simulated, simulate
from model.simulate.phrases import HOP, SAMPLE_RATE_HZ, Speech
from model.simulate.placement import place
from model.simulate.scene import SCENES, Scene, SceneError, draw_scene
from model.simulate.sounds import Sounds
from model.simulate.supply import Supply, laugh
from model.simulate.timing import Event, TimingModel
from model.simulate.voices import Voice, Voices
from model.speech_audio import SpeechError

TONES_HZ = {"tone0": 440.0, "tone1": 1_000.0, "tone2": 1_700.0, "tone3": 2_300.0, "tone4": 3_100.0}
TIMING = TimingModel.builtin()


def make(
    voices: Voices, seed: int, scene: Scene | None = None, length_s: float = 10.0, **options: object
) -> Simulated:
    random = np.random.default_rng(seed)
    return simulate(random, voices, TIMING, scene or Scene(), Sounds(), length_s, **options)  # type: ignore[arg-type]


def share_near(audio: np.ndarray, hz: float) -> float:
    """Share of the energy within 60 Hz of a frequency, through a long window with low side lobes."""
    power = np.abs(np.fft.rfft(audio * np.blackman(audio.size))) ** 2
    near = np.abs(np.fft.rfftfreq(audio.size, 1 / SAMPLE_RATE_HZ) - hz) < 60.0
    return float(power[near].sum() / max(power.sum(), 1e-12))


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.booleans())
def test_a_channel_holds_its_own_voice_and_no_other(
    tone_voices: Voices, seed: int, n_speakers: int, inside: bool
) -> None:
    made = make(tone_voices, seed, n_speakers=n_speakers, inside=inside)
    assert len({v.name for v in made.speakers}) == n_speakers
    for channel, voice in zip(made.channels, made.speakers, strict=True):
        if channel.any():
            assert share_near(channel, TONES_HZ[voice.name]) > 0.98
            others = [share_near(channel, hz) for name, hz in TONES_HZ.items() if name != voice.name]
            assert max(others) < 1e-3


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_in_a_clean_scene_the_channels_add_up_to_the_mixture(tone_voices: Voices, seed: int, inside: bool) -> None:
    made = make(tone_voices, seed, inside=inside)
    assert np.abs(made.channels.sum(axis=0) - made.mixture).max() < 1e-6
    assert np.array_equal(made.channels, made.images)
    assert made.mixture.dtype == made.channels.dtype == made.images.dtype == np.float32
    assert made.activity.shape == (2, made.mixture.size // HOP)
    if inside:
        assert made.mixture.size == 10 * SAMPLE_RATE_HZ


@pytest.mark.parametrize("seed", range(5))
def test_activity_is_where_the_channel_has_energy(tone_voices: Voices, seed: int) -> None:
    made = make(tone_voices, seed, length_s=30.0)
    spoken = [e for e in made.events if e.kind != "laugh"]
    for number, (channel, active) in enumerate(zip(made.channels, made.activity, strict=True)):
        loud = np.abs(channel.reshape(-1, HOP)).max(axis=1) > 0.01
        laughs = np.zeros_like(active)
        for event in made.events:
            if event.kind == "laugh" and event.speaker == number:
                laughs[int(event.start_s * 100) : int(event.end_s * 100) + 1] = True
        near = np.convolve(active, np.ones(9), mode="same") > 0  # truth is held to 40 ms
        assert not (loud & ~near).any()
        sure = (np.convolve(active, np.ones(3), mode="same") > 2) & ~laughs
        assert loud[sure].mean() > 0.99
    assert spoken


def test_the_same_seed_gives_the_same_bytes(tone_voices: Voices) -> None:
    for seed in range(4):
        one, two = (make(tone_voices, seed, draw_scene(np.random.default_rng(seed), "train")) for _ in range(2))
        assert one.mixture.tobytes() == two.mixture.tobytes()
        assert one.channels.tobytes() == two.channels.tobytes()
        assert one.events == two.events
    assert make(tone_voices, 1).mixture.tobytes() != make(tone_voices, 2).mixture.tobytes()


def noise_voice(number: int, seconds: float) -> Voice:
    """A voice of white noise, of which no two stretches are alike."""
    audio = np.random.default_rng(number).integers(-9_000, 9_000, int(seconds * SAMPLE_RATE_HZ)).astype(np.int16)
    spans = np.arange(2_400, audio.size - 48_000, 40_800, np.int64)
    return Voice(f"noise{number}", 120.0, (Speech(audio, np.stack([spans, spans + 33_600], 1)),))


@pytest.mark.parametrize("twins", [False, True])
def test_no_sample_of_a_voice_is_said_twice(twins: bool) -> None:
    voices = [noise_voice(0, 240.0), noise_voice(1, 240.0)]
    if twins:
        voices[1] = voices[0]
    random = np.random.default_rng(3)
    supplies = [
        Supply(v, np.random.default_rng(7), (k if twins else 0, 2 if twins else 1)) for k, v in enumerate(voices)
    ]
    events = [e for e in TIMING.draw(random, 100.0, inside=False) if e.kind != "laugh"]
    placed = place(events, supplies, 100.0, random)
    key = np.random.default_rng(0).integers(1, 2**47, 16)
    seen: list[np.ndarray] = []
    for channel, active in zip(placed.channels, placed.activity, strict=True):
        pcm = np.rint(channel * 32_768).astype(np.int16)
        sure = np.repeat(np.convolve(active, np.ones(5), mode="same") > 4, HOP)
        starts = np.flatnonzero(sure[:-16])
        wide = pcm.astype(np.int64)
        hashes = sum(k * wide[i : wide.size - 16 + i] for i, k in enumerate(key))  # of 16 samples in a row
        seen.append(hashes[starts])
    said = np.sort(np.concatenate(seen))
    assert said.size > 30 * SAMPLE_RATE_HZ
    assert (np.diff(said) > 0).all()


def test_a_conversation_ends_when_a_voice_has_nothing_left(tone_voice: Callable[[int, float], Voice]) -> None:
    voices = [tone_voice(0, 20.0), tone_voice(1, 20.0)]
    random = np.random.default_rng(0)
    made = simulate(random, voices, TIMING, Scene(), Sounds(), 300.0, inside=False)
    assert 10.0 < made.mixture.size / SAMPLE_RATE_HZ < 45.0
    assert made.mixture.size % HOP == 0
    assert max(e.end_s for e in made.events) <= made.mixture.size / SAMPLE_RATE_HZ


def test_offsets_and_pauses_stay_as_drawn_where_words_do_not_fit(tone_voices: Voices) -> None:
    random = np.random.default_rng(0)
    supplies = [Supply(v, random) for v in tone_voices.voices[:2]]
    planned = [Event(0, 0.5, 3.0), Event(1, 2.8, 7.0), Event(0, 4.0, 4.5, "backchannel"), Event(0, 7.3, 9.0)]
    real = place(planned, supplies, 20.0, random).events
    first, second, third = (e for e in real if e.kind == "turn")
    assert second.start_s - first.end_s == pytest.approx(-0.2, abs=0.011)
    assert third.start_s - second.end_s == pytest.approx(0.3, abs=0.011)
    inside = next(e for e in real if e.kind == "backchannel")
    assert second.start_s < inside.start_s
    assert inside.end_s < second.end_s


def test_laughter_comes_in_bursts_of_four_to_five_a_second() -> None:
    supply = Supply(noise_voice(0, 60.0), np.random.default_rng(0))
    material = supply.take_short(0.5)
    assert material is not None
    burst = laugh(material, 2.0, np.random.default_rng(1))
    envelope = np.abs(burst.audio).reshape(-1, 120).mean(axis=1)
    power = np.abs(np.fft.rfft(envelope - envelope.mean(), 4_096))
    assert 3.5 < np.fft.rfftfreq(4_096, 0.005)[power.argmax()] < 5.5
    assert burst.size <= 2 * SAMPLE_RATE_HZ


@pytest.mark.parametrize("speed", [0.86, 1.16])
def test_a_faster_voice_is_higher_by_as_much(tone_voices: Voices, speed: float) -> None:
    made = make(tone_voices, 4, Scene(speeds=(speed, 1.0)), length_s=20.0)
    for channel, active, voice, own in zip(made.channels, made.activity, made.speakers, (speed, 1.0), strict=True):
        assert share_near(channel, TONES_HZ[voice.name] * own) > 0.98
        loud = np.abs(channel.reshape(-1, HOP)).max(axis=1) > 0.01
        assert np.mean(loud != active) < 0.03


def test_pairs_are_told_by_pitch(tone_voices: Voices) -> None:
    for seed in range(8):
        random = np.random.default_rng(seed)
        one, two = tone_voices.draw(random, 2, "same")
        assert one.high == two.high
        assert one is not two
        one, two = tone_voices.draw(random, 2, "mixed")
        assert one.high != two.high
        one, two, three = tone_voices.draw(random, 3, "twins")
        assert one is two
        assert three is not one
    with pytest.raises(SpeechError, match="6 speakers asked for, 5 are there"):
        tone_voices.draw(np.random.default_rng(0), 6)
    with pytest.raises(SpeechError, match="no same pair among 2 voices"):
        Voices(tone_voices.voices[:2]).draw(np.random.default_rng(0), 2, "same")


def test_levels_differ_as_asked(tone_voices: Voices) -> None:
    made = make(tone_voices, 5, Scene(levels_db=(0.0, -40.0)), length_s=30.0)
    rms = [
        np.sqrt(np.square(c.reshape(-1, HOP)[a]).mean()) for c, a in zip(made.channels, made.activity, strict=True)
    ]
    assert 20 * np.log10(rms[0] / rms[1]) == pytest.approx(40.0, abs=1.0)
    spoken = np.repeat(made.activity.any(axis=0), HOP)
    assert 20 * np.log10(np.sqrt(np.square(made.mixture[spoken]).mean())) == pytest.approx(-26.0, abs=0.1)


@pytest.mark.parametrize("kind", sorted(SCENES))
def test_every_scene_gives_finite_sound_within_full_scale(tone_voices: Voices, kind: str) -> None:
    made = make(tone_voices, 2, draw_scene(np.random.default_rng(2), kind))
    assert np.isfinite(made.mixture).all()
    assert 0.001 < np.abs(made.mixture).max() <= 1.0
    assert made.scene.name == kind


def test_an_unknown_scene_names_the_known() -> None:
    with pytest.raises(SceneError, match="'moon' is not known: give one of train, varied"):
        draw_scene(np.random.default_rng(0), "moon")
