"""Settings of all tests, and clips without audio: what selection and packing need."""

import os

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from pipeline.licences.expressions import rights_of
from schemas.clip import Clip, ClipInfo, Provenance, clip_id_of
from schemas.conversation import Quality, Segment, Word
from schemas.licence import Consent, Licence
from schemas.persona import PromptCodes, VoiceSample
from schemas.prepared import PreparedFile, PreparedWriter
from schemas.recording import Recording, Source
from schemas.rejection import Reason, Rejection

settings.register_profile("duplexset", deadline=None, derandomize=True)  # never a matter of time or chance
settings.load_profile("duplexset")

SPEECH = (Segment(channel=0, start_s=0.5, end_s=3.0), Segment(channel=1, start_s=2.8, end_s=6.0))
CC0 = Licence(spdx="CC0-1.0", consent=Consent.SYNTHETIC, rights=rights_of("CC0-1.0"))


def _recording(name: str, speakers: tuple[str, str] | None = None) -> Recording:
    return Recording(
        recording_id=hashlib.sha256(name.encode()).hexdigest(),
        source=Source(uri=f"/data/{name}", licence=CC0, speakers=speakers, origin="test", name=name),
        licence=CC0,
        container="wav",
        codec="pcm_s16le",
        sample_rate_hz=8_000,
        n_channels=2,
        size_bytes=1_000,
        duration_s=20.0,
    )


def _clip(recording: Recording, number: int = 0, n_frames: int = 100) -> Clip:
    start = number * 10 * 24_000
    end = start + n_frames * 1_920
    rng = np.random.default_rng([number, n_frames, int(recording.recording_id[:8], 16)])
    clip_id = clip_id_of(recording.recording_id, start, end)
    return Clip(
        info=ClipInfo(
            clip_id=clip_id,
            recording_id=recording.recording_id,
            start_s=start / 24_000,
            end_s=end / 24_000,
            n_frames=n_frames,
            speakers=recording.source.speakers or (f"{recording.recording_id}/0", f"{recording.recording_id}/1"),
            language="en",
            licence=recording.licence,
            quality=Quality(
                speech_s=(2.5, 3.2), overlap_s=0.2, silence_s=2.5, level_db=(-20.0, -23.0), leakage_db=(-50.0, -45.0)
            ),
            segments=SPEECH,
            provenance=Provenance(
                uri=recording.source.name or "",
                uri_b=None,
                container="wav",
                source_codec="pcm_s16le",
                source_sample_rate_hz=8_000,
                layout="separate",
                codec="builtin",
                codec_sha256="0" * 64,
                fingerprint="",
            ),
            voices=(
                _voice(clip_id, 0, (0, 20), start / 24_000 + 0.5, 0.9 - 0.1 * number),
                _voice(clip_id, 1, (20, 35), start / 24_000 + 3.0, 0.5 + 0.1 * number),
            ),
            prompt_codes=PromptCodes(silence=tuple(range(8)), tone=tuple(range(10, 18))),
        ),
        codes=rng.integers(0, 2_048, (2, 8, n_frames), dtype=np.int16).tobytes(),
        turns=np.zeros((2, n_frames), dtype=np.int8).tobytes(),
        future=np.full(n_frames, -1, dtype=np.int16).tobytes(),
        words=(Word(channel=1, text="naïve", start_s=2.9, end_s=3.3, confidence=1.0),),
        voices=rng.integers(0, 2_048, (8, 35), dtype=np.int16).tobytes(),
    )


def _voice(clip_id: str, channel: int, frames: tuple[int, int], start_s: float, quality: float) -> VoiceSample:
    return VoiceSample(
        clip_id=clip_id,
        channel=channel,
        start_s=start_s,
        end_s=start_s + (frames[1] - frames[0]) * 0.08,
        first_frame=frames[0],
        end_frame=frames[1],
        gain_db=3.0,
        loudness_lufs=-24.0,
        speech_to_background_db=40.0,
        clipped=0.0,
        clear_s=1.0,
        quality=quality,
    )


MakePrepared = Callable[..., PreparedFile]


@pytest.fixture
def prepared(tmp_path: Path) -> MakePrepared:
    """prepared(name, clips=2, speakers=None): a prepared file in tmp_path/work/prepared."""

    def make(name: str, clips: int = 2, speakers: tuple[str, str] | None = None) -> PreparedFile:
        recording = _recording(name, speakers)
        path = tmp_path / "out" / "work" / "prepared" / f"{recording.recording_id}.parquet"
        writer = PreparedWriter(path, recording, "f" * 64)
        for number in range(clips):
            writer.add(_clip(recording, number))
        lost = Rejection(uri=name, stage="split", reason=Reason.SILENCE, detail="12 s", start_s=30.0, end_s=42.0)
        writer.add(lost)
        writer.close()
        return PreparedFile(path, recording.licence)

    return make


@pytest.fixture
def make_recording() -> Callable[..., Recording]:
    """make_recording(name, speakers=None)."""
    return _recording


@pytest.fixture
def make_clip() -> Callable[..., Clip]:
    """make_clip(recording, number=0, n_frames=100)."""
    return _clip


SaveCtc = Callable[..., Path]


@pytest.fixture(scope="session")
def save_ctc(tmp_path_factory: pytest.TempPathFactory) -> SaveCtc:
    """save_ctc(vocabulary, loud=1.0): the folder of a Wav2Vec2ForCTC, tiny, with seeded random weights.

    loud: what its last weights are multiplied with; from 40 on it writes something.
    """

    def save(vocabulary: dict[str, int], loud: float = 1.0) -> Path:
        import torch
        from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

        torch.manual_seed(0)
        config = Wav2Vec2Config(
            vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=32, conv_dim=(8,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
            pad_token_id=0,
        )  # fmt: skip
        model = Wav2Vec2ForCTC(config)
        with torch.no_grad():
            model.lm_head.weight.mul_(loud)
        folder = tmp_path_factory.mktemp("ctc")
        model.save_pretrained(folder)
        (folder / "vocab.json").write_text(json.dumps(vocabulary))
        (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True, "sampling_rate": 16_000}))
        return folder

    return save
