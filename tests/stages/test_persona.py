"""Voice samples and roles of a span: from solo speech alone, at -24 LUFS, encoded by themselves."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.codec import Codec, encode, load_codec
from model.persona.loudness import loudness_lufs
from model.persona.prompt_codes import prompt_codes
from model.persona.roles import load_roles
from schemas.conversation import Diarized, Labelled, Scored, Segment, Span, Unmixed, Word, Worded
from schemas.persona import Roles
from schemas.recording import Background, LaidOut, Layout, LayoutKind, Recording
from schemas.transcript import Transcribed, TranscriptFile
from stages.persona import Persona, voices_of, with_persona
from stages.score import score
from stages.tokenize import tokenize

OFFSET = 3_840 * 100  # where the span begins, 16 s into the recording
TURNS = [
    (0, 0.5, 6.5), (1, 7.0, 10.5), (0, 11.0, 24.0), (1, 15.0, 15.4), (1, 25.0, 33.0),
    (0, 30.0, 31.0), (0, 34.0, 38.0), (1, 40.0, 46.0), (0, 47.0, 51.0), (1, 52.0, 58.0),
]  # fmt: skip
LENGTH_S = 60


def segments() -> tuple[Segment, ...]:
    found = [Segment(channel=c, start_s=start, end_s=end) for c, start, end in TURNS]
    return tuple(sorted(found, key=lambda s: (s.start_s, s.channel)))


def audio() -> np.ndarray:
    """int16 [2, samples]: a buzz per turn, of another pitch and level on each channel, over a little noise."""
    rng = np.random.default_rng(0)
    time_s = np.arange(LENGTH_S * 24_000) / 24_000
    out = rng.standard_normal((2, time_s.size)) * 10 ** (-65 / 20)
    for channel, start, end in TURNS:
        part = slice(int(start * 24_000), int(end * 24_000))
        pitch_hz = (110.0, 190.0)[channel]
        buzz = sum(np.sin(2 * np.pi * k * pitch_hz * time_s[part]) / k for k in range(1, 20))
        out[channel, part] += (0.02, 0.1)[channel] * buzz * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * time_s[part]) ** 2)
    return (out * 32_768).clip(-32_768, 32_767).astype(np.int16)


MakeScored = Callable[..., Scored]


@pytest.fixture
def scored(make_recording: Callable[..., Recording]) -> MakeScored:
    """scored(pcm, segments, roles, unmixed, transcript): a span of `call.wav` of anna and ben."""

    def make(
        pcm: np.ndarray | None = None,
        spoken: tuple[Segment, ...] | None = None,
        roles: Roles = (None, None),
        unmixed: Unmixed | None = None,
        transcript: Transcribed | None = None,
    ) -> Scored:
        recording = make_recording("call.wav", ("anna", "ben"))
        recording = replace(recording, source=replace(recording.source, roles=roles, language="en"))
        kind = LayoutKind.MIXTURE if unmixed else LayoutKind.SEPARATE
        layout = Layout(kind=kind, leakage_db=(-60.0, -60.0), leakage_delay_s=(0.0, 0.0), coherence=0.0)
        pcm = audio() if pcm is None else pcm
        span = Span(
            source=LaidOut(recording=recording, layout=layout, n_samples=OFFSET + pcm.shape[1]),
            start_sample=OFFSET,
            end_sample=OFFSET + pcm.shape[1],
            pcm=pcm.tobytes(),
            speech=b"",
        )
        diarized = Diarized(span=span, segments=segments() if spoken is None else spoken, unmixed=unmixed)
        words = (Word(channel=1, text="hello", start_s=7.1, end_s=7.5, confidence=1.0),)
        worded = Worded(diarized=diarized, words=words, transcript=transcript)
        return score(Labelled(worded=worded, turns=b"", future=b""))

    return make


@pytest.fixture(scope="module")
def codec() -> Codec:
    return load_codec("builtin")


def test_both_speakers_have_a_sample_in_which_the_other_is_silent(scored: MakeScored) -> None:
    voices = voices_of(scored())
    assert [v.channel for v in voices] == [0, 1]
    for voice in voices:
        start_s, end_s = voice.start_s - 16.0, voice.end_s - 16.0
        assert 3.0 <= end_s - start_s <= 4.0
        others = [(a, b) for c, a, b in TURNS if c != voice.channel]
        assert all(b <= start_s - 0.2 or a >= end_s + 0.2 for a, b in others)
        inside = [(a, b) for c, a, b in TURNS if c == voice.channel and a <= start_s + 0.01 and b >= end_s - 0.01]
        assert inside, "within one turn: they are further than half a second apart"
        assert voice.n_frames == round((end_s - start_s) * 12.5)
        assert voice.quality > 0.2
    assert [v.first_frame for v in voices] == [0, voices[0].n_frames]


def test_a_longer_span_gives_more_and_the_louder_background_less(scored: MakeScored) -> None:
    pcm = np.tile(audio(), 6)
    spoken = tuple(
        replace(s, start_s=s.start_s + 60.0 * i, end_s=s.end_s + 60.0 * i) for i in range(6) for s in segments()
    )
    pcm[0, : 180 * 24_000] += (np.random.default_rng(1).standard_normal(180 * 24_000) * 33).astype(np.int16)
    voices = voices_of(scored(pcm, spoken))
    for channel in (0, 1):
        own = [v for v in voices if v.channel == channel]
        assert len(own) == 2
        assert [v.quality for v in own] == sorted((v.quality for v in own), reverse=True)
        assert max(v.start_s for v in own) - min(v.start_s for v in own) > 100.0
    assert sum(v.end_s - v.start_s for v in voices) <= 2 * 360 / 20


def test_the_codes_are_those_of_the_cut_audio_at_24_lufs(scored: MakeScored, codec: Codec) -> None:
    row = with_persona(scored(), None)
    clip = tokenize(row, codec, prompt_codes(codec), flac=False)
    codes = np.frombuffer(clip.voices, np.int16).reshape(8, -1)
    assert clip.info.voices == row.voices
    assert codes.shape[1] == row.voices[-1].end_frame
    for voice in row.voices:
        start, end = (round((t - 16.0) * 24_000) for t in (voice.start_s, voice.end_s))
        louder = audio()[voice.channel, start:end].astype(np.float32) / 32_768 * 10 ** (voice.gain_db / 20)
        assert loudness_lufs(louder) == pytest.approx(-24.0, abs=0.05)
        expected = encode(codec, louder.astype(np.float32))
        assert np.array_equal(codes[:, voice.first_frame : voice.end_frame], expected)
    assert clip.info.prompt_codes == prompt_codes(codec)
    assert {v.clip_id for v in clip.info.voices} == {clip.info.clip_id}


def test_who_hardly_speaks_alone_has_no_sample(scored: MakeScored, codec: Codec) -> None:
    spoken = (Segment(channel=0, start_s=0.0, end_s=50.0), Segment(channel=1, start_s=20.0, end_s=22.5))
    row = with_persona(scored(spoken=spoken), None)
    assert {v.channel for v in row.voices} == {0}
    nobody = replace(row, voices=())
    clip = tokenize(nobody, codec, prompt_codes(codec), flac=False)
    assert (clip.voices, clip.info.voices) == (b"", ())


def test_a_short_span_gives_no_samples(scored: MakeScored) -> None:
    spoken = tuple(s for s in segments() if s.end_s < 14.0)
    assert voices_of(scored(audio()[:, : 14 * 24_000], spoken)) == ()
    assert voices_of(scored(audio()[:, : 16 * 24_000], spoken)) != ()


@pytest.fixture
def unmixed() -> Unmixed:
    background = Background(speech_to_background_db=15.0, speech_db=-20.0, enhanced=True)
    return Unmixed(voices=(1, 0), background=background, overlaps=())


def test_a_separated_channel_is_judged_by_the_recordings_background(scored: MakeScored, unmixed: Unmixed) -> None:
    voices, clean = voices_of(scored(unmixed=unmixed)), voices_of(scored())
    assert {v.speech_to_background_db for v in voices} == {15.0}
    assert max(v.quality for v in voices) < min(v.quality for v in clean)


def test_roles_of_two_channels_are_those_of_the_manifest(scored: MakeScored) -> None:
    row = with_persona(scored(roles=("a clerk", None)), None)
    assert (row.roles, row.stated_roles) == (("a clerk", None), None)


def test_roles_of_a_mixture_wait_for_a_certain_transcript(scored: MakeScored, unmixed: Unmixed) -> None:
    roles = ("a clerk", "a caller")
    file = TranscriptFile(names=("call.TextGrid",), sha256="0" * 64)
    certain = Transcribed(file=file, speakers=("Ben", "Anna"), certain=True)

    def found(transcript: Transcribed | None) -> tuple[Roles, Roles | None]:
        row = with_persona(scored(roles=roles, unmixed=unmixed, transcript=transcript), None)
        return row.roles, row.stated_roles

    assert found(None) == ((None, None), roles)
    assert found(certain) == (("a caller", "a clerk"), None)
    assert found(replace(certain, speakers=("anna", "ben"))) == (roles, None)
    assert found(replace(certain, certain=False)) == ((None, None), roles)
    assert found(replace(certain, speakers=("anna", "carl"))) == ((None, None), roles)


def test_the_generator_is_asked_for_each_speaker(scored: MakeScored, tmp_path: Path) -> None:
    path = tmp_path / "roles.py"
    path.write_text(
        "def describe(facts):\n"
        "    words = [[w.text for w in channel] for channel in facts.words]\n"
        "    known = (facts.recording, facts.licence, facts.language, facts.duration_s, facts.speakers)\n"
        "    return None if facts.role is None else f'{facts.channel} {facts.speaker} {facts.role} {words} {known}'\n"
    )
    row = scored(roles=(None, "a caller"))
    made = Persona(roles=f"{path}:describe").load("cpu")(row)
    known = ("call.wav", "CC0-1.0", "en", 60.0, ("anna", "ben"))
    assert made.roles == (None, f"1 ben a caller [[], ['hello']] {known}")


def test_of_a_mixture_the_generator_hears_what_is_stated(
    scored: MakeScored, unmixed: Unmixed, tmp_path: Path
) -> None:
    path = tmp_path / "roles.py"
    path.write_text(
        "def describe(facts):\n    return f'{facts.speaker} {facts.stated_speakers} {facts.stated_roles}'\n"
    )
    row = scored(roles=("a clerk", None), unmixed=unmixed)
    made = with_persona(row, load_roles(f"{path}:describe"))
    recording_id = row.labelled.worded.diarized.span.source.recording.recording_id
    assert made.roles[0] == f"{recording_id}/1 ('anna', 'ben') ('a clerk', None)"
    assert made.stated_roles == ("a clerk", None)
