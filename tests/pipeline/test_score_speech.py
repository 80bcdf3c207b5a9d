"""What `score` hears on the channels of another system is what `build` would find there."""

from pathlib import Path

import numpy as np

from model.resample import Resampler
from pipeline.score_speech import speech_of
from schemas.licence import Licence, Rights
from schemas.recording import SAMPLE_RATE_HZ, Source
from stages.decode import decode
from stages.diarize import activity
from stages.ingest import Ingest
from stages.layout import FindLayout
from stages.split import Split

DEMO = Path(__file__).resolve().parents[2] / "demo" / "recordings"


def test_speech_less_bleed_is_that_of_the_stages() -> None:
    source = Source(
        uri=str(DEMO / "telephone-parcel.wav"),
        origin="test",
        licence=Licence(spdx="CC0-1.0", rights=Rights(derivatives=True)),
    )
    (span,) = Split().load("cpu")(FindLayout().load("cpu")(Ingest().load("cpu")(source)))
    resampler = Resampler(8_000, SAMPLE_RATE_HZ, 2)
    blocks = [resampler.push(block) for block in decode(source)]
    audio = np.concatenate([*blocks, resampler.flush()], axis=1)
    found, length_s, how = speech_of(iter([audio]))
    assert how == "built-in VAD less bleed"
    assert length_s == span.end_sample / SAMPLE_RATE_HZ
    assert found == activity(span)
