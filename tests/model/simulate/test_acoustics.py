import numpy as np
import pytest
from scipy import signal

from model.simulate.acoustics import hear
from model.simulate.codecs import CODECS, LineError, available, resample, through
from model.simulate.phrases import HOP, SAMPLE_RATE_HZ
from model.simulate.rooms import image_room, images, recorded_response, reflection
from model.simulate.scene import Scene
from model.simulate.sounds import Sounds, coloured_noise

SECONDS = 4


@pytest.fixture(scope="module")
def speechlike() -> np.ndarray:
    """float32 [2, S]: noise of 300 to 3300 Hz in bursts, the channels in turn."""
    random = np.random.default_rng(1)
    band = signal.butter(4, (300, 3_300), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    noise = signal.sosfiltfilt(band, random.standard_normal((2, SECONDS * SAMPLE_RATE_HZ)))
    bursts = np.repeat(random.uniform(0.1, 1.0, (2, SECONDS * 10)), SAMPLE_RATE_HZ // 10, axis=1)
    bursts[0, SAMPLE_RATE_HZ * 2 :], bursts[1, : SAMPLE_RATE_HZ * 2] = 0.0, 0.0
    return (0.2 * noise * bursts).astype(np.float32)


@pytest.fixture(scope="module")
def active() -> np.ndarray:
    mask = np.zeros((2, SECONDS * 100), bool)
    mask[0, :200], mask[1, 200:] = True, True
    return mask


def lag_samples(late: np.ndarray, early: np.ndarray) -> int:
    cross = signal.correlate(late, early, mode="full", method="fft")
    return int(cross.argmax()) - (early.size - 1)


@pytest.mark.parametrize("name", sorted(CODECS))
def test_a_codec_keeps_the_time_to_a_millisecond(speechlike: np.ndarray, name: str) -> None:
    if name not in available():
        pytest.skip(f"this FFmpeg has no encoder for {name}")
    audio = speechlike.sum(axis=0)
    for bit_rate in CODECS[name].bit_rates[::2]:
        coded = through(audio, name, bit_rate)
        assert coded.shape == audio.shape
        assert abs(lag_samples(coded, audio)) < SAMPLE_RATE_HZ / 1_000
        assert np.corrcoef(coded, audio)[0, 1] > 0.35


def test_g711_is_the_companding_of_the_standard(speechlike: np.ndarray) -> None:
    # 8-bit logarithmic quantisation: about 38 dB over a wide range of levels (ITU-T G.711)
    audio = speechlike.sum(axis=0)
    plain = resample(resample(audio, SAMPLE_RATE_HZ, 8_000), 8_000, SAMPLE_RATE_HZ)
    for gain in (1.0, 0.1):
        noise = through(gain * audio, "g711-mu") - gain * plain
        assert 30.0 < 10 * np.log10(np.square(gain * plain).sum() / np.square(noise).sum()) < 42.0


def test_an_unknown_codec_names_the_known() -> None:
    with pytest.raises(LineError, match="'amr-wb' is not here: use one of g711-mu"):
        through(np.zeros(240, np.float32), "amr-wb")


def test_the_line_lets_through_its_band_and_keeps_the_sum(speechlike: np.ndarray, active: np.ndarray) -> None:
    scene = Scene(band_hz=(300.0, 3_400.0))
    wide = speechlike + 0.05 * np.random.default_rng(0).standard_normal(speechlike.shape).astype(np.float32)
    heard = hear(wide, active, scene, Sounds(), np.random.default_rng(0))
    assert np.abs(heard.images.sum(axis=0) - heard.mixture).max() < 1e-5
    hz, power = signal.welch(heard.mixture, SAMPLE_RATE_HZ, nperseg=4_096, detrend=False)
    inside = power[(hz > 400) & (hz < 3_300)].mean()
    for outside in ((hz < 250), (hz > 3_500)):
        assert 10 * np.log10(power[outside].max() / inside) < -40.0


@pytest.mark.parametrize("room", ["near", "far", "near-live", "far-live"])
def test_a_room_keeps_time_and_level_of_the_direct_sound(
    speechlike: np.ndarray, active: np.ndarray, room: str
) -> None:
    heard = hear(speechlike, active, Scene(room=room, room_number=3), Sounds(), np.random.default_rng(0))
    assert np.abs(heard.images.sum(axis=0) - heard.mixture).max() < 1e-6
    responses = image_room(3, far=room.startswith("far"), reverberant=room.endswith("live"))
    assert np.square(responses[:, :60]).sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert (responses[:, 0] > 0.5).all()
    if room.startswith("near"):  # from afar a later reflection may be stronger
        for image, channel in zip(heard.images, heard.channels, strict=True):
            assert abs(lag_samples(image, channel)) <= 2


def test_images_are_the_mirrors_of_the_talker() -> None:
    size_m, microphone, talker = np.array([5.0, 4.0, 3.0]), np.array([1.0, 1.0, 1.0]), np.array([3.0, 1.0, 1.0])
    delay_s, gain = images(size_m, microphone, talker, 0.8)
    order = np.argsort(delay_s)
    # direct: 2 m; floor and near side wall: mirrors 2 m aside; both of them; the wall behind the microphone: 4 m
    side_m, both_m = np.sqrt(2.0**2 + 2.0**2), np.sqrt(3 * 2.0**2)
    assert delay_s[order[0]] == pytest.approx(0.0)
    assert gain[order[0]] == pytest.approx(1 / 2.0)
    assert delay_s[order[1:3]] == pytest.approx(np.full(2, (side_m - 2.0) / 343.0))
    assert gain[order[1:3]] == pytest.approx(np.full(2, 0.8 / side_m))
    assert delay_s[order[3:5]] == pytest.approx((np.array([both_m, 4.0]) - 2.0) / 343.0)
    assert gain[order[3:5]] == pytest.approx([0.64 / both_m, 0.8 / 4.0])


def test_a_room_dies_away_as_its_reverberation_time_says() -> None:
    assert reflection(np.array([5.0, 4.0, 3.0]), 1e9) == pytest.approx(1.0)
    response = image_room(3, reverberant=True)[0].astype(np.float64)
    left_db = 10 * np.log10(np.cumsum(np.square(response)[::-1])[::-1])
    at = np.flatnonzero((left_db < left_db[0] - 12) & (left_db > left_db[0] - 35)) / SAMPLE_RATE_HZ
    t60_s = 60.0 / (23.0 / (at[-1] - at[0]))
    assert 0.25 < t60_s < 0.9  # drawn from 0.4 to 0.8 s; the highs die faster


def test_a_recorded_response_begins_with_its_direct_sound() -> None:
    sound = np.zeros(5_000, np.float32)
    sound[1_000], sound[1_400] = -0.5, 0.2
    response = recorded_response(sound)
    assert int(np.abs(response).argmax()) == SAMPLE_RATE_HZ // 2_000
    assert np.square(response[:60]).sum() == pytest.approx(1.0)
    assert response[412] == pytest.approx(0.4)


def test_a_tilt_is_so_many_db_an_octave(active: np.ndarray) -> None:
    white = (0.1 * np.random.default_rng(0).standard_normal((2, SECONDS * SAMPLE_RATE_HZ))).astype(np.float32)
    heard = hear(white, active, Scene(tilts_db=(-3.0, 0.0)), Sounds(), np.random.default_rng(0))
    for channel, per_octave in zip(heard.channels, (-3.0, 0.0), strict=True):
        hz, power = signal.welch(channel, SAMPLE_RATE_HZ, nperseg=2_048)
        low, high = (10 * np.log10(power[(hz > f * 0.9) & (hz < f * 1.1)].mean()) for f in (500, 4_000))
        assert high - low == pytest.approx(3 * per_octave, abs=1.2)


def test_noise_is_at_its_ratio(speechlike: np.ndarray, active: np.ndarray) -> None:
    for scene in (Scene(noise_db=10.0, coloured=True), Scene(music_db=10.0)):
        heard = hear(speechlike, active, scene, Sounds(), np.random.default_rng(0))
        speech = heard.images.sum(axis=0)
        ratio = np.square(speech).mean() / np.square(heard.mixture - speech).mean()
        assert 10 * np.log10(ratio) == pytest.approx(10.0, abs=0.3)


def test_clipping_offset_and_hiss(speechlike: np.ndarray, active: np.ndarray) -> None:
    clipped = hear(speechlike, active, Scene(clipped=0.3), Sounds(), np.random.default_rng(0)).mixture
    assert np.mean(np.abs(clipped) >= np.abs(clipped).max() - 1e-6) == pytest.approx(0.3, abs=0.01)
    offset = hear(speechlike, active, Scene(dc=0.1), Sounds(), np.random.default_rng(0)).mixture
    assert float(offset.mean()) == pytest.approx(0.1, abs=0.002)
    hiss = hear(speechlike * 0, active & False, Scene(floor_dbfs=-60.0), Sounds(), np.random.default_rng(0)).mixture
    assert 20 * np.log10(hiss.std()) == pytest.approx(-60.0, abs=0.2)


def test_coloured_noise_falls_with_frequency() -> None:
    for seed in range(5):
        hz, power = signal.welch(coloured_noise(np.random.default_rng(seed), 240_000), SAMPLE_RATE_HZ, nperseg=2_048)
        octaves_db = 10 * np.log10(power[(hz > 3_900) & (hz < 4_100)].mean() / power[(hz > 240) & (hz < 260)].mean())
        assert -37.0 < octaves_db < 1.0  # four octaves, 0 to 9 dB each


def test_sounds_of_a_folder_are_parted_for_training_and_measuring(speech_folder) -> None:
    parts = [Sounds.load(noise=speech_folder, music=speech_folder, held=held) for held in (None, False, True)]
    whole, training, measuring = (sum(s.size for s in p.noises) for p in parts)
    assert training + measuring == pytest.approx(whole, abs=8)
    assert measuring == pytest.approx(whole / 3, rel=0.01)
    assert parts[1].noise(np.random.default_rng(0), 5 * HOP).shape == (5 * HOP,)
