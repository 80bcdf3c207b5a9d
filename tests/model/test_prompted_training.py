"""Training behind prompts: the model reads them, nothing of them is in the loss, and a run resumes exactly."""

import io
import json
import tarfile
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from model.duplex import DuplexConfig, DuplexModel, LossWeights, StreamNll, stream_nll, training_loss
from model.loader import WindowBatches, WindowReader, held_out_windows
from model.shards import Dataset
from model.train import train
from model.train_config import TrainConfig, TrainError
from model.windows import Windows
from schemas.errors import DatasetError

TINY = DuplexConfig(
    dim=32, heads=2, layers=2, ffn_dim=64, depth_dim=16, depth_heads=2, depth_layers=1, depth_ffn_dim=32, card=64,
    text_card=100, dropout=0.0,
)  # fmt: skip
P, W = 40, 25
SILENCE, TONE = list(range(8)), list(range(8, 16))
LENGTHS = [60, 130, 40, 75, 25, 200]
FAR = "far.000"  # the clip that the last voice of each comes from


class Letters:
    """One id a letter, from 4 on."""

    def encode(self, text: str) -> list[int]:
        return [4 + ord(letter) % 90 for letter in text]


def voices_of(place: int, n_frames: int) -> list[dict[str, object]]:
    """Of channel 0 one in the clip's first second and one far away; of channel 1 one in its last."""
    start_s = 100.0 * place
    found = [(0, f"clip-{place:03d}", start_s, 14), (0, FAR, 5_000.0, 16)]
    found += [(1, f"clip-{place:03d}", start_s + n_frames * 0.08 - 1.12, 14)]
    out, at = [], 0
    for channel, clip_id, voice_s, frames in found:
        places = {"start_s": voice_s, "end_s": voice_s + frames * 0.08, "first_frame": at, "end_frame": at + frames}
        out.append({"channel": channel, "clip_id": clip_id, **places})
        at += frames
    return out


def members(clip_id: str, place: int, n_frames: int) -> list[tuple[str, bytes]]:
    def npy(array: np.ndarray) -> bytes:
        sink = io.BytesIO()
        np.save(sink, array)
        return sink.getvalue()

    rng = np.random.default_rng(place)
    codes = rng.integers(16, 60, (2, 8, n_frames), dtype=np.int16)
    codes[:, 0] = np.arange(n_frames) % 60
    codes[:, 1], codes[:, 2] = place, [[0], [1]]
    voices = voices_of(place, n_frames)
    marked = [np.full((8, v["end_frame"] - v["first_frame"]), 60 + i, np.int16) for i, v in enumerate(voices)]  # type: ignore[operator]
    facts = {
        "start_s": 100.0 * place,
        "voices": voices,
        "roles": ["ab", None],
        "prompt_codes": {"silence": SILENCE, "tone": TONE},
    }
    return [
        (f"{clip_id}.codes.npy", npy(codes)),
        (f"{clip_id}.words.json", b'[[["hi", 0.2, 0.4, 1.0]], []]'),
        (f"{clip_id}.turns.npy", npy(np.zeros((2, n_frames), np.int8))),
        (f"{clip_id}.vap.npy", npy(np.zeros(n_frames, np.int16))),
        (f"{clip_id}.voices.npy", npy(np.concatenate(marked, axis=1))),
        (f"{clip_id}.json", json.dumps(facts).encode()),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    out = tmp_path / "voiced"
    (out / "shards").mkdir(parents=True)
    (out / "index").mkdir()
    rows = []
    for split in ("train", "validation"):
        with tarfile.open(out / "shards" / f"{split}-00000.tar", "w") as tar:
            for place, n_frames in enumerate(LENGTHS):
                start, clip_id = tar.offset, f"clip-{place:03d}"
                for name, content in members(clip_id, place, n_frames):
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
                row = {"clip_id": clip_id, "split": split, "shard": f"{split}-00000.tar", "offset": start}
                rows.append({**row, "length": tar.offset - start, "n_frames": n_frames, "kept": True})
    pq.write_table(pa.Table.from_pylist(rows), out / "index" / "clips.parquet")
    return out


def windows_of(folder: Path, prompt_frames: int = P, tokenizer: Letters | None = None) -> Windows:
    dataset = Dataset(folder)
    return Windows(
        dataset=dataset, index=dataset.index("train"), window_frames=W, seed=0, tokenizer=tokenizer,
        prompt_frames=prompt_frames,
    )  # fmt: skip


def place_of(window: np.ndarray) -> tuple[int, int, float, float]:
    """(clip, own channel, first and last second in the recording) of a window without its prompt."""
    there = window[1] >= 0
    clip, own = int(window[2, 0]), int(window[3, 0])
    whole = members("x", clip, LENGTHS[clip])
    codes = np.load(io.BytesIO(dict(whole)["x.codes.npy"]))
    (start,) = [
        t for t in range(LENGTHS[clip] - there.sum() + 1)
        if np.array_equal(codes[own, :, t : t + there.sum()], window[1:9, there])
    ]  # fmt: skip
    return clip, own, 100.0 * clip + start * 0.08, 100.0 * clip + (start + int(there.sum())) * 0.08


def test_every_window_has_the_best_voice_from_outside_of_it(folder: Path) -> None:
    reader = WindowReader(windows_of(folder))
    found = list(islice(reader, 3 * 24))
    missing = 0
    for window in found:
        clip, own, first_s, end_s = place_of(window[:, P:])
        voices = [(60 + i, v) for i, v in enumerate(voices_of(clip, LENGTHS[clip])) if v["channel"] == own]
        outside = [m for m, v in voices if v["end_s"] <= first_s - 1 or v["start_s"] >= end_s + 1]  # type: ignore[operator]
        marks = {int(m) for m in np.unique(window[1, :P]) if m >= 60}
        assert marks == set(outside[:1])
        missing += not outside
        assert (window[0, :P][window[0, :P] >= 0] == 3).all(), "without a tokenizer there is no role"
    state = reader.state_dict()
    assert (state["prompts"], state["no_voice"], state["no_role"]) == (len(found), missing, len(found))
    assert 0 < missing < len(found)


def test_behind_the_prompts_are_the_same_windows(folder: Path) -> None:
    with_prompts = list(islice(WindowReader(windows_of(folder)), 60))
    without = list(islice(WindowReader(windows_of(folder, 0)), 60))
    assert np.array_equal([w[:, P:] for w in with_prompts], without)


def test_roles_of_the_own_speaker_are_in_the_text(folder: Path) -> None:
    reader = WindowReader(windows_of(folder, tokenizer=Letters()))
    role = Letters().encode("<system> ab <system>")
    no_role = 0
    for window in islice(reader, 40):
        text = window[0, :P]
        said = text[text > 3].tolist()
        own = place_of(window[:, P:])[1]
        assert said == (role if own == 0 else [])
        no_role += own
    assert reader.state_dict()["no_role"] == no_role
    short = WindowReader(windows_of(folder, 18, Letters()))
    list(islice(short, 40))
    assert short.state_dict()["roles_too_long"] == 40 - no_role


def test_voices_of_withdrawn_clips_are_not_used(folder: Path) -> None:
    (folder / "withdrawn.jsonl").write_text(json.dumps({"clip_id": FAR}) + "\n")
    found = np.array(list(islice(WindowReader(windows_of(folder)), 60)))
    assert 61 not in found[:, 1, :P]
    assert 60 in found[:, 1, :P]


def test_held_out_windows_have_prompts_too(folder: Path) -> None:
    windows = windows_of(folder)
    prompted = list(held_out_windows(windows, 30))
    plain = list(held_out_windows(windows_of(folder, 0), 30))
    assert np.array_equal([w[:, P:] for w in prompted], plain)
    assert all(w.shape == (17, P + W) for w in prompted)


def test_batches_resume_at_the_exact_window(folder: Path) -> None:
    windows = windows_of(folder, tokenizer=Letters())
    whole = [batch.tolist() for batch in islice(WindowBatches(windows, 3), 12)]
    stopped, resumed = WindowBatches(windows, 3), WindowBatches(windows, 3)
    head = [batch.tolist() for batch in islice(stopped, 5)]
    resumed.load_state_dict(json.loads(json.dumps(stopped.state_dict())))
    assert head + [batch.tolist() for batch in islice(resumed, 7)] == whole
    assert resumed.state_dict()["readers"][0]["prompts"] == 36


def test_a_state_from_before_there_were_prompts_is_read(folder: Path) -> None:
    reader = WindowReader(windows_of(folder, 0))
    reader.load_state_dict({"epoch": 0, "block": 0, "window": 4, "text_tokens_lost": 2})
    assert np.array_equal(next(iter(reader)), list(islice(WindowReader(windows_of(folder, 0)), 5))[4])


def test_a_dataset_without_voices_says_so(markov_dataset: Path) -> None:
    with pytest.raises(DatasetError, match=r"train-0000.\.tar: clip clip-0.. has no voice samples: .* older version"):
        next(iter(WindowReader(windows_of(markov_dataset))))


def batch(seed: int) -> torch.Tensor:
    codes = torch.randint(0, 64, (2, 17, P + W), generator=torch.Generator().manual_seed(seed))
    codes[1, :, :7] = -1
    codes[0, :, -3:] = -1
    return codes


def model_of(seed: int = 0) -> DuplexModel:
    torch.manual_seed(seed)
    model = DuplexModel(TINY)
    for head in (model.text_linear, *model.linears):
        torch.nn.init.normal_(head.weight, std=0.1)
    return model


def test_the_loss_is_that_of_the_whole_with_the_prompt_masked() -> None:
    """The plain model on all frames, its loss masked in the prompt, has the same loss and the same gradient."""
    codes, weights = batch(0), LossWeights(smoothing=0.1)
    model = model_of()
    nll = stream_nll(model(codes, P), codes[:, :, P:])
    loss = training_loss(nll, codes[:, :, P:], weights)
    torch.autograd.backward(loss)
    gradient = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    whole = stream_nll(model(codes), codes)
    mask = whole.mask.clone()
    mask[:, :, :P] = False
    masked = StreamNll(whole.nats.where(mask, 0.0), whole.spread.where(mask, 0.0), mask)
    expected = training_loss(masked, codes, weights)
    torch.autograd.backward(expected)
    torch.testing.assert_close(loss, expected)
    past_delay = 14  # acoustic codes of the second item's last frame
    assert nll.mask.sum() == mask.sum() == 17 * (2 * W - 3) - past_delay
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(gradient[name], parameter.grad, msg=name)


def test_what_the_prompt_would_have_been_scored_on_does_not_count() -> None:
    """Other targets in the prompt, the same frames read: no loss and no gradient changes."""
    codes = batch(1)
    model = model_of()
    other = codes.clone()
    other[:, :, :P] = batch(2)[:, :, :P].abs()
    output = model(codes, P)
    first, second = (
        training_loss(stream_nll(output, c[:, :, P:]), c[:, :, P:], LossWeights(smoothing=0.0))
        for c in (codes, other)
    )
    assert torch.equal(first, second)
    assert not torch.allclose(model(other, P).text_logits, output.text_logits), "the prompt is read"


def test_no_prompt_changes_nothing() -> None:
    codes, model = batch(3), model_of()
    plain, zero = model(codes), model(codes, 0)
    assert torch.equal(plain.text_logits, zero.text_logits)
    assert all(torch.equal(a, b) for a, b in zip(plain.audio_logits, zero.audio_logits, strict=True))


CONFIG = TrainConfig(
    model=replace(TINY, dropout=0.1), window_frames=W, batch_size=2, max_steps=6, log_every=2, eval_every=3,
    eval_windows=6, checkpoint_every=3, warmup_steps=2, device="cpu", persona=True, prompt_frames=P,
)  # fmt: skip


def test_training_with_prompts_stops_and_goes_on_bit_for_bit(folder: Path, tmp_path: Path) -> None:
    whole = train(folder, tmp_path / "whole", CONFIG, on_progress=lambda _: None)
    again = train(folder, tmp_path / "parts", replace(CONFIG, minutes=1e-9), on_progress=lambda _: None)
    assert again.steps < 6
    rest = train(folder, tmp_path / "parts", CONFIG, on_progress=lambda _: None)
    name = "checkpoints/step-00000006"
    for file in ("model.safetensors", "state.json"):
        assert (tmp_path / "whole" / name / file).read_bytes() == (tmp_path / "parts" / name / file).read_bytes()
    assert rest.held_out == whole.held_out
    assert whole.held_out is not None
    plain = train(folder, tmp_path / "plain", replace(CONFIG, persona=False), on_progress=lambda _: None)
    assert plain.held_out is not None
    assert whole.held_out.frames == plain.held_out.frames, "frames of prompts are not evaluated"
    assert whole.held_out.unigram == plain.held_out.unigram
    assert plain.prompts is None
    assert whole.prompts is not None
    assert whole.prompts == rest.prompts
    assert whole.prompts.prompts == 12
    assert whole.prompts.no_role == 12


def test_a_run_goes_on_only_as_it_was_begun(folder: Path, tmp_path: Path) -> None:
    plain = replace(CONFIG, persona=False, max_steps=1, eval_every=0)
    train(folder, tmp_path / "plain", plain, on_progress=lambda _: None)
    written = json.loads((tmp_path / "plain" / "config.json").read_text())["config"]
    assert not written.keys() & {"persona", "prompt_frames"}, "runs of earlier versions go on"
    with pytest.raises(TrainError, match="persona, prompt_frames differ"):
        train(folder, tmp_path / "plain", replace(plain, persona=True), on_progress=lambda _: None)


def test_a_prompt_without_room_is_refused() -> None:
    with pytest.raises(TrainError, match="at least 18"):
        TrainConfig(persona=True, prompt_frames=17)
