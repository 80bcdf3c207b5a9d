"""Every container in, exact samples out; what is damaged says so."""

from pathlib import Path

import av
import fsspec
import numpy as np
import pytest

from schemas.rejection import Reason
from stages import decode as decoding
from stages.decode import decode
from stages.probe import AudioError, open_bytes, probe

RATE = 16_000


def tones(seconds: float = 2.0, channels: int = 2, rate_hz: int = RATE) -> np.ndarray:
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    return np.stack([0.4 * np.sin(2 * np.pi * (330 + 110 * c) * t + c) for c in range(channels)])


def reason_of(source) -> Reason:
    with pytest.raises(AudioError) as error:
        list(decode(source))
    assert "\n" not in error.value.detail
    return error.value.reason


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz", "tolerance"),
    [
        ("a.wav", "pcm_u8", 8_000, 1 / 128),
        ("a.wav", "pcm_s16le", 44_100, 1 / 32768),
        ("a.wav", "pcm_s24le", 48_000, 2**-23),
        ("a.wav", "pcm_s32le", 48_000, 2**-23),
        ("a.wav", "pcm_s64le", 48_000, 2**-23),
        ("a.wav", "pcm_f32le", 48_000, 0),
        ("a.wav", "pcm_f64le", 48_000, 0),
        ("a.wav", "pcm_alaw", 8_000, 0.02),
        ("a.wav", "pcm_mulaw", 8_000, 0.02),
        ("a.w64", "pcm_s16le", 48_000, 1 / 32768),
        ("a.aiff", "pcm_s16be", 22_050, 1 / 32768),
        ("a.caf", "pcm_s16le", 11_025, 1 / 32768),
        ("a.au", "pcm_s16be", 16_000, 1 / 32768),
        ("a.flac", "flac", 44_100, 1 / 32768),
        ("a.mka", "pcm_s16le", 48_000, 1 / 32768),
    ],
)
def test_lossless_files_give_their_samples(
    write_audio, read_audio, tmp_path, name, codec, rate_hz, tolerance
) -> None:
    audio = tones(rate_hz=rate_hz).astype(np.float32)
    path = write_audio(tmp_path / name, audio, rate_hz, codec)
    read = read_audio(path)
    assert read.dtype == np.float32
    assert read.shape == audio.shape
    assert np.abs(read - audio).max() <= tolerance
    assert probe(path).sample_rate_hz == rate_hz


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz", "channels", "spare"),
    [
        ("a.mp3", "libmp3lame", 44_100, 2, 0),
        ("a.m4a", "aac", 44_100, 2, 1024),
        ("a.aac", "aac", 44_100, 2, 3072),
        ("a.opus", "libopus", 48_000, 2, 0),
        ("a.ogg", "libopus", 48_000, 1, 0),
        ("a.webm", "libopus", 48_000, 2, 960),
        ("a.ogg", "vorbis", 44_100, 2, 2048),
        ("a.wma", "wmav2", 44_100, 2, 4096),
        ("a.amr", "libopencore_amrnb", 8_000, 1, 320),
        ("a.mp4", "aac", 48_000, 2, 1024),
    ],
)
def test_lossy_files_give_their_sound_at_its_place(
    write_audio, read_audio, tmp_path, name, codec, rate_hz, channels, spare
) -> None:
    """The sound stays where it was: priming is taken off. `spare`: a coder's last, padded (or lost) frame."""
    audio = tones(channels=channels, rate_hz=rate_hz) * (np.sin(np.pi * np.arange(2 * rate_hz) / rate_hz * 2) ** 2)
    bit_rate = None if codec == "libopencore_amrnb" else 96_000
    read = read_audio(write_audio(tmp_path / name, audio, rate_hz, codec, bit_rate=bit_rate))
    assert (-spare if name == "a.wma" else 0) <= read.shape[1] - audio.shape[1] <= spare
    if name in {"a.amr", "a.aac", "a.wma"}:  # these containers do not say how much priming they hold
        return
    lags = np.arange(-40, 41)
    piece = audio[0, 5_000:25_000]
    scores = [float(np.dot(piece, read[0, 5_000 + lag : 25_000 + lag])) for lag in lags]
    assert abs(lags[int(np.argmax(scores))]) <= 2
    assert max(scores) > 0.9 * float(np.dot(piece, piece))


def test_rf64_and_a_wav_of_unknown_size_are_read(write_audio, read_audio, tmp_path) -> None:
    path = write_audio(tmp_path / "a.wav", tones(), RATE, "pcm_s16le", options={"rf64": "always"})
    assert Path(path).read_bytes()[:4] == b"RF64"
    assert read_audio(path).shape == (2, 2 * RATE)
    piped = bytearray(Path(write_audio(tmp_path / "b.wav", tones(), RATE, "pcm_s16le")).read_bytes())
    piped[4:8] = b"\xff" * 4
    at = piped.index(b"data") + 4
    piped[at : at + 4] = b"\xff" * 4
    (tmp_path / "b.wav").write_bytes(piped)
    assert read_audio(tmp_path / "b.wav").shape == (2, 2 * RATE)


def test_nist_sphere_is_read(read_audio, tmp_path) -> None:
    samples = (tones() * 32767).astype("<i2")
    header = (
        "NIST_1A\n   1024\nchannel_count -i 2\nsample_rate -i 16000\nsample_n_bytes -i 2\n"
        f"sample_count -i {samples.shape[1]}\nsample_byte_format -s2 01\nsample_coding -s3 pcm\nend_head\n"
    )
    (tmp_path / "a.sph").write_bytes(header.encode().ljust(1024) + samples.T.tobytes())
    read = read_audio(tmp_path / "a.sph")
    assert np.array_equal(np.rint(read * 32768), samples)


def test_two_of_six_channels_of_a_film(write_audio, read_audio, make_source, tmp_path) -> None:
    film = write_audio(tmp_path / "film.mkv", tones(channels=6), RATE, "flac", picture=True)
    assert reason_of(make_source(film)) is Reason.CHANNELS
    assert reason_of(make_source(film, channels=(0, 6))) is Reason.CHANNELS
    assert reason_of(make_source(film, channels=(2, 2))) is Reason.CHANNELS
    chosen = read_audio(make_source(film, channels=(4, 1)))
    assert np.abs(chosen - tones(channels=6)[[4, 1]]).max() < 1e-4


def test_blocks_are_bounded(write_audio, make_source, tmp_path) -> None:
    path = write_audio(tmp_path / "a.flac", tones(10), RATE, "flac")
    sizes = [block.shape[1] for block in decode(make_source(path))]
    assert sum(sizes) == 10 * RATE
    assert max(sizes) < 2 * RATE


def test_a_pair_is_two_channels(write_audio, read_audio, make_source, tmp_path) -> None:
    audio = tones(5).astype(np.float32)
    a = write_audio(tmp_path / "a.wav", audio[:1], RATE, "pcm_f32le")
    b = write_audio(tmp_path / "b.flac", audio[1:, : 4 * RATE + 123], RATE, "flac")
    for first, second, order in ((a, b, (0, 1)), (b, a, (1, 0))):
        read = read_audio(make_source(first, uri_b=second))
        expected = audio.copy()
        expected[1, 4 * RATE + 123 :] = 0
        assert read.shape == audio.shape
        assert np.abs(read - expected[list(order)]).max() <= 1 / 32768


def test_files_that_are_no_pair(write_audio, make_source, tmp_path) -> None:
    a = write_audio(tmp_path / "a.wav", tones(4, 1), RATE, "pcm_s16le")
    longer = write_audio(tmp_path / "b.wav", tones(5.5, 1), RATE, "pcm_s16le")
    faster = write_audio(tmp_path / "c.wav", tones(4, 1, 8_000), 8_000, "pcm_s16le")
    stereo = write_audio(tmp_path / "d.wav", tones(4, 2), RATE, "pcm_s16le")
    assert reason_of(make_source(a, uri_b=longer)) is Reason.PAIR_MISMATCH
    assert reason_of(make_source(longer, uri_b=a)) is Reason.PAIR_MISMATCH
    assert reason_of(make_source(a, uri_b=faster)) is Reason.PAIR_MISMATCH
    assert reason_of(make_source(a, uri_b=stereo)) is Reason.CHANNELS
    with pytest.raises(AudioError, match=r"last 4\.00 and 5\.50 s, 1\.50 s apart"):
        list(decode(make_source(a, uri_b=longer)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(write_audio, make_source, tmp_path, value) -> None:
    audio = tones().astype(np.float32)
    audio[1, 20_000] = value
    path = write_audio(tmp_path / "a.wav", audio, RATE, "pcm_f32le")
    with pytest.raises(AudioError, match=r"first at 1\.250 s on channel 1"):
        list(decode(make_source(path)))
    assert reason_of(make_source(path)) is Reason.NOT_FINITE


@pytest.mark.parametrize(
    ("name", "codec", "reason"),
    [
        ("a.mp3", "libmp3lame", Reason.CORRUPT),
        ("a.wav", "pcm_s16le", Reason.CORRUPT),
        ("a.flac", "flac", Reason.CORRUPT),
        ("a.m4a", "aac", Reason.NOT_AUDIO),  # its index comes last
    ],
)
def test_half_a_file(write_audio, make_source, tmp_path, capfd, name, codec, reason) -> None:
    path = Path(write_audio(tmp_path / name, tones(20), RATE, codec))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert reason_of(make_source(path)) is reason
    assert capfd.readouterr() == ("", "")  # FFmpeg's own lines stay inside


def test_damage_in_the_middle_and_rubbish_at_the_end(write_audio, read_audio, make_source, tmp_path) -> None:
    for name, codec, said in (("a.m4a", "aac", r"damaged at (9|10)\.\d s"), ("a.flac", "flac", "cut off|damaged")):
        path = Path(write_audio(tmp_path / name, tones(20), RATE, codec))
        whole = path.read_bytes()
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + b"\xff" * 20_000 + whole[middle + 20_000 :])
        with pytest.raises(AudioError, match=said) as error:
            list(decode(make_source(path)))
        assert error.value.reason is Reason.CORRUPT
    path.write_bytes(whole + b"rubbish" * 100)
    assert read_audio(path).shape == (2, 20 * RATE)


def test_what_is_no_audio(write_audio, make_source, tmp_path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("Dear colleague,\nthe recording is attached.\n" * 100)
    (tmp_path / "list.wav").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\na.wav\n#EXT-X-ENDLIST\n")
    (tmp_path / "concat.wav").write_text("ffconcat version 1.0\nfile a.wav\n")
    (tmp_path / "subtitles.wav").write_text("1\n00:00:01,000 --> 00:00:02,000\nhello\n")
    write_audio(tmp_path / "a.wav", tones(), RATE, "pcm_s16le")
    for name in ("empty.wav", "text.wav", "list.wav", "concat.wav", "subtitles.wav"):
        assert reason_of(make_source(tmp_path / name)) is Reason.NOT_AUDIO, name
    zero = bytearray((tmp_path / "a.wav").read_bytes())
    zero[24:28] = bytes(4)
    (tmp_path / "zero.wav").write_bytes(zero)
    with pytest.raises(AudioError, match="0 Hz"):
        list(decode(make_source(tmp_path / "zero.wav")))


def test_a_silent_film_has_no_track(tmp_path, make_source) -> None:
    with av.open(str(tmp_path / "film.mp4"), "w") as file:
        stream = file.add_stream("mpeg4", rate=25, width=32, height=32, pix_fmt="yuv420p")
        for _ in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    assert reason_of(make_source(tmp_path / "film.mp4")) is Reason.NO_AUDIO_TRACK


def test_files_that_cannot_be_opened(make_source, tmp_path, monkeypatch) -> None:
    assert reason_of(make_source(tmp_path / "nothing.wav")) is Reason.MISSING
    assert reason_of(make_source("memory://nothing.wav")) is Reason.MISSING
    assert reason_of(make_source(tmp_path)) is Reason.UNREADABLE
    assert reason_of(make_source("nowhere://a.wav")) is Reason.UNREADABLE

    def denied(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert reason_of(make_source(tmp_path / "a.wav")) is Reason.UNREADABLE


def test_an_outage_is_no_rejection(monkeypatch) -> None:
    def lost(*args: object, **kwargs: object) -> None:
        raise ConnectionResetError("the storage went away")

    monkeypatch.setattr(fsspec, "open", lost)
    with pytest.raises(ConnectionResetError), open_bytes("s3://bucket/a.wav"):
        pass


def test_remote_files_are_read_through_fsspec(write_audio, read_audio, make_source, tmp_path) -> None:
    path = write_audio(tmp_path / "a.flac", tones(), RATE, "flac")
    memory = fsspec.filesystem("memory")
    memory.pipe("/calls/a.flac", Path(path).read_bytes())
    try:
        assert np.array_equal(read_audio("memory://calls/a.flac"), read_audio(path))
        assert reason_of(make_source(f"file://{path}")) is Reason.UNREADABLE
    finally:
        memory.rm("/calls", recursive=True)


def test_a_format_that_changes_midway(make_source, write_audio, tmp_path) -> None:
    a = Path(write_audio(tmp_path / "a.mp3", tones(2), 44_100, "libmp3lame"))
    b = Path(write_audio(tmp_path / "b.mp3", tones(2, 1), 44_100, "libmp3lame"))
    (tmp_path / "c.mp3").write_bytes(a.read_bytes() + b.read_bytes())
    assert reason_of(make_source(tmp_path / "c.mp3")) is Reason.CORRUPT


def test_the_tolerance_of_pairs_is_what_the_docs_say() -> None:
    assert decoding.PAIR_TOLERANCE_S == 1.0
    decoding.require_pair_lengths("a", "b", 10.0, 11.0)
