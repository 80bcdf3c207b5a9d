"""A recording without a transcript gets the words that a network hears: a tiny one, trained here to hear tones.

Its letters are tones of 100 ms, one pitch each; a word is some of them on end. So that what was said, and when, is
known to the sample.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from model.ctc_network import Frames
from model.recogniser.contract import Heard
from schemas.conversation import Diarized, Segment, Span, Word, Worded
from schemas.recording import LaidOut, Layout, LayoutKind, Recording
from schemas.transcript import Removed, Transcribed, TranscriptFile
from stages.contract import Needs
from stages.label import label
from stages.score import score
from stages.transcribe import Transcribe, recognised

LETTERS = "acdeklmnorstuy"
VOCABULARY = {"<pad>": 0, "|": 1} | {letter: n for n, letter in enumerate(LETTERS, start=2)}
RATE_HZ, LETTER_S = 24_000, 0.1
PITCH_HZ = {letter: 250.0 * 1.25**n for n, letter in enumerate(LETTERS)}
KERNELS, STRIDES = (400,), (320,)  # one convolution, a frame of 25 ms every 20 ms, is all that tones need
Said = Sequence[tuple[str, float]]


def tones(said: Said, length_s: float, rate_hz: int, level: float = 0.2) -> NDArray[np.float32]:
    """What somebody says who speaks in tones: words, each from its second on."""
    audio = np.zeros(round(length_s * rate_hz), np.float32)
    for word, start_s in said:
        for n, letter in enumerate(word):
            first = round((start_s + n * LETTER_S) * rate_hz)
            t = np.arange(round(LETTER_S * rate_hz)) / rate_hz
            audio[first : first + t.size] += level * np.sin(2 * np.pi * PITCH_HZ[letter] * t + n)
    return audio


def lesson(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Two seconds of random words, float32 [32000] at 16 kHz, and the number of the letter in each frame."""
    said, at_s = [], float(rng.uniform(0.1, 0.3))
    while at_s < 1.3:
        word = "".join(rng.choice(list(LETTERS), size=rng.integers(1, 6)))
        word = "".join(c for i, c in enumerate(word) if i == 0 or c != word[i - 1])
        said.append((word, at_s))
        at_s += len(word) * LETTER_S + float(rng.uniform(0.08, 0.3))
    audio = tones(said, 2.0, 16_000, level=float(10 ** rng.uniform(-2.0, -0.5)))
    audio += np.float32(1e-4) * rng.standard_normal(audio.size).astype(np.float32)
    frames = Frames.of(KERNELS, STRIDES)
    middles = np.array([(frames.start_s(n) + frames.start_s(n + 1)) / 2 for n in range(99)])
    wanted = np.full(99, VOCABULARY["|"])
    for word, start_s in said:
        for n, letter in enumerate(word):
            wanted[(middles >= start_s + n * LETTER_S) & (middles < start_s + (n + 1) * LETTER_S)] = VOCABULARY[
                letter
            ]
    return torch.from_numpy(audio), torch.from_numpy(wanted)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved Wav2Vec2ForCTC that was taught the tones, frame by frame."""
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    config = Wav2Vec2Config(
        vocab_size=len(VOCABULARY), hidden_size=48, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        conv_dim=(64,), conv_kernel=KERNELS, conv_stride=STRIDES, feat_extract_norm="layer", conv_bias=True,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, pad_token_id=0, hidden_dropout=0.0,
        attention_dropout=0.0, feat_proj_dropout=0.0, final_dropout=0.0, layerdrop=0.0, apply_spec_augment=False,
        activation_dropout=0.0,
    )  # fmt: skip
    model = Wav2Vec2ForCTC(config)
    with torch.no_grad():  # its ear: each pitch in four phases
        t = torch.arange(400) / 16_000
        bank = [torch.sin(2 * torch.pi * hz * t + k * torch.pi / 2) for hz in PITCH_HZ.values() for k in range(4)]
        model.wav2vec2.feature_extractor.conv_layers[0].conv.weight[: len(bank), 0] = torch.stack(bank) / 20
    rng = np.random.default_rng(0)
    lessons = [lesson(rng) for _ in range(256)]
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    model.train()
    for step in range(60):
        batch = [lessons[(step * 16 + i) % len(lessons)] for i in range(16)]
        logits = model(torch.stack([audio for audio, _ in batch])).logits
        loss = cross_entropy(logits.flatten(0, 1), torch.stack([wanted for _, wanted in batch]).flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    torch.set_num_threads(threads)
    saved = tmp_path_factory.mktemp("tones")
    model.save_pretrained(saved)
    (saved / "vocab.json").write_text(json.dumps(VOCABULARY))
    (saved / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False, "sampling_rate": 16_000}))
    return saved


# Each says things of their own; both say "okay" at once; "some money" of channel 0 is heard through on channel 1.
SAID: tuple[Said, Said] = (
    [("read", 1.0), ("some", 1.6), ("money", 2.1), ("okay", 5.0)],
    [("yes", 3.5), ("no", 4.1), ("okay", 5.04), ("later", 7.0)],
)
SEGMENTS = (
    *(Segment(channel=0, start_s=a, end_s=b) for a, b in [(0.9, 2.7), (4.9, 5.5)]),
    *(Segment(channel=1, start_s=a, end_s=b) for a, b in [(1.6, 2.6), (3.4, 4.4), (5.0, 5.5), (7.0, 7.5)]),
)
LEAK = 0.1


@pytest.fixture
def row(make_recording: Callable[..., Recording], tmp_path: Path) -> Diarized:
    """Ten to twenty seconds of a recording without a transcript; some of the activity of channel 1 is bleed."""
    made = make_recording("call.wav")
    recording = replace(made, source=replace(made.source, uri=str(tmp_path / "call.wav"), speakers=None))
    first, second = (tones(said, 10.0, RATE_HZ) for said in SAID)
    pcm = np.stack([first, second + LEAK * first])
    layout = Layout(kind=LayoutKind.SEPARATE, leakage_db=(-120.0, -20.0), leakage_delay_s=(0.0, 0.0), coherence=0.0)
    return Diarized(
        span=Span(
            source=LaidOut(recording=recording, layout=layout, n_samples=30 * RATE_HZ),
            start_sample=10 * RATE_HZ,
            end_sample=20 * RATE_HZ,
            pcm=(pcm * 32767.0).astype(np.int16).tobytes(),
            speech=b"",
        ),
        segments=tuple(sorted(SEGMENTS, key=lambda s: s.start_s)),
    )


def with_transcript(row: Diarized, tmp_path: Path, name: str, text: str) -> Diarized:
    (tmp_path / name).write_text(text)
    made = row.span.source.recording
    source = replace(made.source, transcript=(str(tmp_path / name),))
    recording = replace(made, source=source, transcript=TranscriptFile(names=(name,), sha256="0" * 64))
    return replace(row, span=replace(row.span, source=replace(row.span.source, recording=recording)))


def of_channel(words: Sequence[Word], channel: int) -> list[tuple[str, float]]:
    return [(word.text, word.start_s) for word in words if word.channel == channel]


def test_both_channels_are_written_down_with_times(row: Diarized, folder: Path) -> None:
    made = Transcribe(recogniser=f"ctc:{folder}").load("cpu")(row)
    for channel in (0, 1):
        found = of_channel(made.words, channel)
        assert [text for text, _ in found] == [text for text, _ in SAID[channel]]
        for (_, start_s), (text, true_s) in zip(found, SAID[channel], strict=True):
            assert start_s == pytest.approx(true_s, abs=0.05)
            (word,) = [w for w in made.words if (w.channel, w.text, w.start_s) == (channel, text, start_s)]
            assert word.end_s == pytest.approx(true_s + len(text) * LETTER_S, abs=0.05)
            assert 0.5 < word.confidence <= 1.0
    assert [w.start_s for w in made.words] == sorted(w.start_s for w in made.words)
    assert made.transcript == Transcribed(recogniser=f"ctc:{folder}", removed=Removed(bleed=2))
    scored = score(label(made))
    assert scored.quality.n_words == (4, 4)


def test_the_same_words_again(row: Diarized, folder: Path) -> None:
    stage = Transcribe(recogniser=f"ctc:{folder}")
    work = stage.load("cpu")
    assert work(row) == work(row) == stage.load("cpu")(row)


def test_a_transcript_wins(row: Diarized, folder: Path, tmp_path: Path) -> None:
    given = with_transcript(row, tmp_path, "call.ctm", "call A 11.0 0.4 written\ncall B 13.5 0.3 down\n")
    made = Transcribe(recogniser=f"ctc:{folder}").load("cpu")(given)
    assert made == Transcribe().load("cpu")(given)
    assert [word.text for word in made.words] == ["written", "down"]
    assert made.transcript is not None
    assert (made.transcript.recogniser, made.transcript.removed) == (None, None)


def test_one_that_has_words_elsewhere_in_the_recording_wins_too(row: Diarized, folder: Path, tmp_path: Path) -> None:
    given = with_transcript(row, tmp_path, "call.ctm", "call A 1.0 0.4 before\ncall B 23.5 0.3 after\n")
    made = Transcribe(recogniser=f"ctc:{folder}").load("cpu")(given)
    assert made.words == ()
    assert made.transcript is not None
    assert made.transcript.recogniser is None


def test_of_turns_without_words_the_names_stay_and_the_words_are_heard(
    row: Diarized, folder: Path, tmp_path: Path
) -> None:
    turns = [("BEN", 13.4, 1.0), ("BEN", 17.0, 0.5), ("ANNA", 10.9, 1.8)]
    rttm = "".join(f"SPEAKER call 1 {a} {d} <NA> <NA> {who} <NA> <NA>\n" for who, a, d in turns)
    made = Transcribe(recogniser=f"ctc:{folder}").load("cpu")(with_transcript(row, tmp_path, "call.rttm", rttm))
    assert [text for text, _ in of_channel(made.words, 1)] == [text for text, _ in SAID[1]]
    assert made.transcript is not None
    assert made.transcript.file is not None
    assert made.transcript.speakers == ("ANNA", "BEN")
    assert made.transcript.recogniser == f"ctc:{folder}"


def test_a_transcript_that_cannot_be_read_is_noted_and_replaced(row: Diarized, folder: Path, tmp_path: Path) -> None:
    given = with_transcript(row, tmp_path, "call.ctm", "call A 99.0 0.4 late\n")
    made = Transcribe(recogniser=f"ctc:{folder}").load("cpu")(given)
    assert len(made.words) == 8
    assert made.transcript is not None
    assert made.transcript.certain
    assert made.transcript.notes[0].startswith("left without words: call.ctm")


class Dutch:
    """A recogniser that knows one language."""

    name, digest = "dutch", ""

    def missing(self, language: str | None) -> str | None:
        return None if language == "nl" else f'it knows Dutch, not "{language}"'

    def language_of(self, audio: NDArray[np.float32]) -> str | None:
        raise AssertionError

    def recognise(self, audio: NDArray[np.float32], *, language: str | None) -> Heard:
        raise AssertionError


def test_a_language_that_the_recogniser_does_not_know_leaves_no_words_and_a_note(row: Diarized) -> None:
    source = row.span.source.recording.source
    recording = replace(row.span.source.recording, source=replace(source, language="en"))
    english = replace(row, span=replace(row.span, source=replace(row.span.source, recording=recording)))
    made = recognised(Worded(diarized=english), Dutch())
    assert made.words == ()
    assert made.transcript == Transcribed(notes=('no words: it knows Dutch, not "en"',))
    assert score(label(made)).quality.n_words is None


def test_only_a_recogniser_asks_for_a_gpu() -> None:
    assert Transcribe().needs == Needs()
    assert Transcribe(recogniser="whisper:somewhere").needs.gpus > 0
