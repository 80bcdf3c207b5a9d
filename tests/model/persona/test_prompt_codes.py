"""The codes of silence and of the tone: what the codec makes of them, found without knowing the codec."""

import numpy as np
import pytest

from model.codec import CodeArray, Codec, FloatArray, decode, encode, load_codec
from model.persona.loudness import loudness_lufs
from model.persona.prompt_codes import prompt_codes, tone


@pytest.fixture(scope="module")
def codec() -> Codec:
    return load_codec("builtin")


def test_they_are_what_a_long_sound_settles_to(codec: Codec) -> None:
    codes = prompt_codes(codec)
    for sound, frame in ((np.zeros(240_000, np.float32), codes.silence), (tone(240_000), codes.tone)):
        assert encode(codec, sound)[:, -1].tolist() == list(frame)


def test_they_sound_like_silence_and_like_440_hz(codec: Codec) -> None:
    codes = prompt_codes(codec)
    silence, sine = (
        decode(codec, np.repeat(np.array(frame, np.int16)[:, None], 50, axis=1))[24_000:]
        for frame in (codes.silence, codes.tone)
    )
    assert np.sqrt((silence**2).mean()) < 1e-4
    spectrum = np.abs(np.fft.rfft(sine * np.hanning(sine.size)))
    assert np.fft.rfftfreq(sine.size, 1 / 24_000)[spectrum.argmax()] == pytest.approx(440.0, rel=0.06)


def test_the_tone_has_its_pitch_and_loudness() -> None:
    sound = tone(96_000)
    assert loudness_lufs(sound) == pytest.approx(-24.0, abs=0.05)
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.fft.rfftfreq(sound.size, 1 / 24_000)[spectrum.argmax()] == 440.0


class Wavering:
    """A codec whose frames go round: two of one kind, then one of another; the first second is another still."""

    name, digest = "wavering", ""

    def encoder(self) -> "Wavering":
        return self

    def push(self, audio: FloatArray) -> CodeArray:
        frames = np.arange(audio.size // 1920)
        codes = np.where(frames < 15, 9, np.where(frames % 3 == 0, 1, 2))
        return np.repeat(codes[None].astype(np.int16), 8, axis=0)

    def flush(self) -> CodeArray:
        return np.zeros((8, 0), np.int16)


def test_of_frames_that_waver_the_most_frequent_is_taken() -> None:
    codes = prompt_codes(Wavering())  # type: ignore[arg-type]
    assert codes.silence == codes.tone == (2,) * 8
