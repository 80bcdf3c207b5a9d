import json
import math
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from model.baseline import StreamLoss, fit_unigram
from model.duplex import DuplexConfig, DuplexModel, LossWeights, stream_nll, training_loss
from model.loader import WindowBatches, Windows
from model.shards import Dataset
from model.train import stop_on_signal, train
from model.train_config import TrainConfig, TrainError
from model.train_log import Progress
from schemas.errors import DatasetError

TINY = DuplexConfig(
    dim=32,
    heads=2,
    layers=1,
    ffn_dim=64,
    depth_dim=16,
    depth_heads=2,
    depth_layers=1,
    depth_ffn_dim=32,
    card=32,
    text_card=8,
    dropout=0.1,
)
CONFIG = TrainConfig(
    model=TINY,
    window_frames=40,
    batch_size=2,
    max_steps=20,
    log_every=5,
    eval_every=10,
    eval_windows=8,
    checkpoint_every=5,
    warmup_steps=5,
    learning_rate=5e-3,
    device="cpu",
)


def ignore(_: Progress) -> None:
    pass


def stop_at(step: int) -> Callable[[Progress], None]:
    def on_progress(progress: Progress) -> None:
        if progress.step == step:
            os.kill(os.getpid(), signal.SIGTERM)

    return on_progress


def saved(run: Path, step: int) -> dict[str, torch.Tensor]:
    folder = run / f"checkpoints/step-{step:08d}"
    return load_file(folder / "model.safetensors") | load_file(folder / "optimizer.safetensors")


def metrics(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_stopped_and_resumed_is_bit_for_bit_the_same_run(markov_dataset: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, accumulate=2)
    whole = train(markov_dataset, tmp_path / "whole", config, on_progress=ignore)
    half = train(markov_dataset, tmp_path / "parts", config, on_progress=stop_at(10))
    assert (half.steps, half.ended) == (10, "interrupted")
    rest = train(markov_dataset, tmp_path / "parts", config, on_progress=ignore)
    assert (rest.steps, rest.ended) == (whole.steps, whole.ended) == (20, "max_steps")
    expected, got = saved(tmp_path / "whole", 20), saved(tmp_path / "parts", 20)
    assert expected.keys() == got.keys()
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    assert rest.held_out == whole.held_out
    state = "checkpoints/step-00000020/state.json"
    assert (tmp_path / "whole" / state).read_bytes() == (tmp_path / "parts" / state).read_bytes()
    lines = [
        [(m["step"], m["loss"], m["train"], m["held_out"]) for m in metrics(tmp_path / run)]
        for run in ("whole", "parts")
    ]
    assert lines[0] == lines[1]


def test_steps_are_adamw_with_warm_up_clipping_and_accumulation(markov_dataset: Path, tmp_path: Path) -> None:
    config = replace(
        CONFIG, model=replace(TINY, dropout=0.0), max_steps=3, accumulate=2, weight_decay=3.0, clip_norm=0.01
    )
    train(markov_dataset, tmp_path, config, on_progress=ignore)
    torch.manual_seed(config.seed)
    model = DuplexModel(config.model).train()
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=3.0)
    dataset = Dataset(markov_dataset)
    windows = Windows(dataset=dataset, index=dataset.index("train"), window_frames=40, seed=config.seed)
    card = config.model.card
    weights = LossWeights(smoothing=card / (card + int(windows.index.n_frames.sum())))  # as add-one smoothing
    batches = iter(WindowBatches(windows, 2))
    for rate in (1e-3, 2e-3, 3e-3):  # a peak of 5e-3 after five steps
        first, second = next(batches), next(batches)
        loss = sum(training_loss(stream_nll(model(codes), codes), codes, weights) for codes in (first, second))
        optimizer.zero_grad()
        torch.autograd.backward(loss / 2)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
    got = saved(tmp_path, 3)
    for name, expected in model.state_dict().items():
        torch.testing.assert_close(got[name], expected, atol=2e-5, rtol=1e-3)


def test_loss_falls_below_the_unigram_on_held_out_clips(markov_dataset: Path, tmp_path: Path) -> None:
    """32 equally frequent states: a unigram pays log(32) = 3.47 nats a code. Who knows the state that came before
    pays 0.65 for the first codebook and, once that is known, nothing for the others: so does the network, nearly.
    """
    config = replace(
        CONFIG,
        model=replace(TINY, dim=64, dropout=0.0),
        max_steps=150,
        batch_size=4,
        eval_every=150,
        learning_rate=1e-2,
        weights=LossWeights(smoothing=0.0),
    )
    result = train(markov_dataset, tmp_path / "run", config, on_progress=ignore)
    assert result.held_out is not None
    assert result.below_unigram
    unigram, model = result.held_out.unigram, result.held_out.model
    for loss in (*unigram.own, *unigram.user):
        assert loss == pytest.approx(math.log(32), abs=0.2)
    assert 0.4 < model.own[0] < 1.6
    assert max(*model.own[1:], *model.user[1:]) < 0.5
    assert model.text < 0.1


def test_unigram_is_add_one_over_both_channels(write_dataset: Callable[..., Path], clip_data: type) -> None:
    codes = np.zeros((2, 8, 10), dtype=np.int16)
    codes[1, 0] = 5
    dataset = Dataset(write_dataset([clip_data(codes)]))
    windows = Windows(dataset=dataset, index=dataset.index("train"), window_frames=4, seed=0)
    unigram = fit_unigram(windows, card=2048, text_card=8)
    items = torch.zeros(1, 17, 1, dtype=torch.int64)
    items[0, :, 0] = torch.tensor([3, *[5] * 8, *[0] * 8])
    nats = unigram.nats(items, 16)[0, :, 0].tolist()
    total = 20 + 2048
    assert nats[0] == pytest.approx(-math.log(21 / 28))
    assert nats[1] == nats[9] == pytest.approx(-math.log(11 / total))
    assert nats[2] == pytest.approx(-math.log(1 / total))
    assert nats[10] == pytest.approx(-math.log(21 / total))


def test_metrics_and_tensorboard_tell_every_stream(markov_dataset: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    train(markov_dataset, tmp_path, CONFIG, on_progress=told.append)
    assert [progress.step for progress in told] == [5, 10, 15, 20]
    assert [progress.held_out is not None for progress in told] == [False, True, False, True]
    assert all(len(progress.train.own) == len(progress.train.user) == 8 for progress in told)
    for line, progress in zip(metrics(tmp_path), told, strict=True):
        assert line["train"]["own"] == list(progress.train.own)
        assert line["loss"] == progress.loss
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    tags = set(events.Tags()["scalars"])
    assert {"train/loss", "train/text", "held_out/own_1", "unigram/user_8", "train/learning_rate"} <= tags
    assert [event.step for event in events.Scalars("held_out/own_1")] == [10, 20]
    assert events.Scalars("train/user_3")[0].value == pytest.approx(told[0].train.user[2], rel=1e-5)


def test_half_written_files_of_a_killed_run_do_no_harm(markov_dataset: Path, tmp_path: Path) -> None:
    train(markov_dataset, tmp_path, CONFIG, on_progress=stop_at(10))
    left_over = tmp_path / "checkpoints/.step-00000012.tmp"
    left_over.mkdir()
    (left_over / "model.safetensors").write_bytes(b"half")
    assert train(markov_dataset, tmp_path, CONFIG, on_progress=ignore).steps == 20
    assert not left_over.exists()


def test_a_second_signal_interrupts_at_once_and_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stop_on_signal() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_lines_after_the_checkpoint_are_dropped_when_a_killed_run_goes_on(
    markov_dataset: Path, tmp_path: Path
) -> None:
    train(markov_dataset, tmp_path, CONFIG, on_progress=stop_at(10))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 12, "loss": 1.0}\n{"step": 13, "lo')
    train(markov_dataset, tmp_path, CONFIG, on_progress=ignore)
    assert [line["step"] for line in metrics(tmp_path)] == [5, 10, 15, 20]


def test_a_finished_run_is_evaluated_again_and_not_trained(markov_dataset: Path, tmp_path: Path) -> None:
    first = train(markov_dataset, tmp_path, CONFIG, on_progress=ignore)
    weights = saved(tmp_path, 20)
    again = train(markov_dataset, tmp_path, CONFIG, on_progress=ignore)
    assert (again.steps, again.train, again.held_out) == (20, None, first.held_out)
    assert all(torch.equal(weights[name], value) for name, value in saved(tmp_path, 20).items())
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step-00000015", "step-00000020"]


def test_only_own_codebooks_are_predicted_with_dep_q_8(markov_dataset: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, model=replace(TINY, dep_q=8), max_steps=2, log_every=1)
    result = train(markov_dataset, tmp_path, config, on_progress=ignore)
    assert result.train is not None
    assert (len(result.train.own), result.train.user, result.train.user_mean) == (8, (), None)


def test_minutes_end_a_run(markov_dataset: Path, tmp_path: Path) -> None:
    result = train(markov_dataset, tmp_path, replace(CONFIG, minutes=0.0), on_progress=ignore)
    assert (result.steps, result.ended) == (0, "minutes")
    assert train(markov_dataset, tmp_path, CONFIG, on_progress=ignore).steps == 20


def test_a_run_folder_of_another_configuration_or_dataset_is_refused(
    markov_dataset: Path, tmp_path: Path, write_dataset: Callable[..., Path], clip_data: type
) -> None:
    run = tmp_path / "run"
    config = replace(CONFIG, max_steps=1, eval_every=0)
    train(markov_dataset, run, config, on_progress=ignore)
    with pytest.raises(TrainError, match=r"another configuration \(model, seed differ\)"):
        other = replace(config, seed=1, model=replace(TINY, dim=64))
        train(markov_dataset, run, other, on_progress=ignore)
    elsewhere = write_dataset([clip_data(np.zeros((2, 8, 50), np.int16))], name="other")
    with pytest.raises(TrainError, match="other training clips"):
        train(elsewhere, run, config, on_progress=ignore)
    train(markov_dataset, run, replace(config, threads=1, minutes=1.0), on_progress=ignore)
    assert [line["step"] for line in metrics(run)] == [1]


def test_a_run_folder_that_cannot_be_used_is_named(markov_dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainError, match="file/run: cannot be written"):
        train(markov_dataset, tmp_path / "file/run", CONFIG, on_progress=ignore)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(TrainError, match=r"config\.json: not the configuration of a run"):
        train(markov_dataset, tmp_path, CONFIG, on_progress=ignore)


def test_a_damaged_checkpoint_is_named(markov_dataset: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, max_steps=1, eval_every=0)
    result = train(markov_dataset, tmp_path, config, on_progress=ignore)
    (result.checkpoint / "model.safetensors").write_bytes(b"short")
    with pytest.raises(TrainError, match="step-00000001: damaged checkpoint"):
        train(markov_dataset, tmp_path, config, on_progress=ignore)


def test_missing_splits_are_named(write_dataset: Callable[..., Path], clip_data: type, tmp_path: Path) -> None:
    folder = write_dataset([clip_data(np.zeros((2, 8, 50), np.int16))])
    with pytest.raises(DatasetError, match=r"validation split: .*--eval-every 0"):
        train(folder, tmp_path / "a", CONFIG, on_progress=ignore)
    assert train(folder, tmp_path / "a", replace(CONFIG, eval_every=0), on_progress=ignore).below_unigram is None
    empty = write_dataset([clip_data(np.zeros((2, 8, 50), np.int16), "validation")], name="empty")
    with pytest.raises(DatasetError, match="no kept clip in the train split"):
        train(empty, tmp_path / "c", CONFIG, on_progress=ignore)


def test_a_loss_that_is_no_number_ends_the_run(markov_dataset: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, learning_rate=1e30, clip_norm=1e30, warmup_steps=0)
    with pytest.raises(TrainError, match="lower learning_rate"):
        train(markov_dataset, tmp_path, config, on_progress=ignore)


def test_the_learning_rate_warms_up_and_follows_a_cosine() -> None:
    config = replace(CONFIG, learning_rate=1.0, warmup_steps=10, max_steps=110)
    assert [config.learning_rate_at(step) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert config.learning_rate_at(60) == pytest.approx(0.55)
    assert config.learning_rate_at(110) == pytest.approx(0.1)


def test_numbers_and_devices_that_cannot_be_are_refused(markov_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="batch_size is 0"):
        replace(CONFIG, batch_size=0)
    with pytest.raises(TrainError, match="device 'tpu9000'"):
        train(markov_dataset, tmp_path, replace(CONFIG, device="tpu9000"), on_progress=ignore)


def test_stream_loss_means() -> None:
    loss = StreamLoss.of(torch.tensor([2.0, *[8.0] * 8]), torch.tensor([4.0, *[2.0] * 4, *[4.0] * 4]))
    assert (loss.text, loss.own_mean, loss.user_mean) == (0.5, 3.0, None)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_bfloat16_on_the_gpu_trains_below_the_unigram(markov_dataset: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, max_steps=150, batch_size=4, device="cuda", weights=LossWeights(smoothing=0.0))
    assert train(markov_dataset, tmp_path, config, on_progress=ignore).below_unigram
