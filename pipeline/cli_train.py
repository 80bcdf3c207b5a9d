"""`duplexset train`: the duplex model from the shards of a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from pipeline.say import say
from schemas.plain_text import counted

PROMPT_FRAMES = 150

if TYPE_CHECKING:
    from model.baseline import StreamLoss
    from model.loader import PromptCounts
    from model.train import TrainResult
    from model.train_log import Progress


def train(
    dataset: Annotated[str, typer.Argument(metavar="OUT", help="A dataset: folder or URL.", show_default=False)],
    run: Annotated[Path, typer.Argument(help="Folder of this run; started again, it goes on.", show_default=False)],
    steps: Annotated[int, typer.Option(help="Steps of the run and of its schedule.", min=1)] = 1000,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after this long; run again to go on.", show_default=False)
    ] = None,
    batch: Annotated[int, typer.Option(help="Windows per step and process.", min=1)] = 4,
    accumulate: Annotated[int, typer.Option(help="Batches per step.", min=1)] = 1,
    window: Annotated[int, typer.Option(help="Frames of 80 ms per window.", min=1)] = 125,
    learning_rate: Annotated[float, typer.Option(help="Peak of the schedule.")] = 2e-3,
    eval_every: Annotated[int, typer.Option(help="Steps between held-out evaluations.", min=0)] = 100,
    text: Annotated[
        str | None,
        typer.Option(
            metavar="TOKENIZER",
            help="Train the text, too: text.model of `fit text`, Moshi's, or moshi:HUB_ID. Default: no text.",
            show_default=False,
        ),
    ] = None,
    text_rule: Annotated[
        Literal["shift", "drop"] | None,
        typer.Option(
            help="With --text: words too fast for a token a frame: later, or cut off by the next.",
            show_default="shift",
        ),
    ] = None,
    persona: Annotated[
        bool,
        typer.Option("--persona", help="Before each window, a prompt: the speaker's voice and (with --text) role."),
    ] = False,
    prompt_frames: Annotated[
        int | None,
        typer.Option(
            help="With --persona: frames of 80 ms for the prompt; a voice is cut to fit.",
            min=18,
            show_default=str(PROMPT_FRAMES),
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights, order and dropout.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda[:n].")] = "auto",
    processes: Annotated[int, typer.Option(help="Over 1: this many Ray Train workers.", min=1)] = 1,
) -> None:
    """Train the bundled duplex model from a dataset's shards.

    Losses per stream and codebook go to RUN/metrics.jsonl and, for TensorBoard, to RUN/tensorboard. Held-out losses
    stand beside those of a unigram model, in nats.
    """
    from model.train import train as run_train
    from model.train_config import TrainConfig, TrainError

    if text_rule is not None and text is None:
        raise TrainError("--text-rule is for the text stream: give --text as well, or leave it out")
    if prompt_frames is not None and not persona:
        raise TrainError("--prompt-frames is for prompts: give --persona as well, or leave it out")
    config = TrainConfig(
        max_steps=steps,
        minutes=minutes,
        batch_size=batch,
        accumulate=accumulate,
        window_frames=window,
        learning_rate=learning_rate,
        eval_every=eval_every,
        persona=persona,
        prompt_frames=prompt_frames or PROMPT_FRAMES,
        seed=seed,
        device=device,
    )
    if text is not None:
        config = config.with_text(text, text_rule or "shift")
    if processes > 1:
        import torch

        from cluster.ray_train import train_on_ray

        gpus = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
        result = train_on_ray(dataset, run, config, workers=processes, gpus=gpus, on_progress=_report)
    else:
        result = run_train(dataset, run, config, on_progress=_report)
    _verdict(result, run)


def _report(progress: "Progress") -> None:
    """One line a report: the loss overall and per stream, held-out losses where there are some."""
    line = (
        f"step {progress.step}/{progress.max_steps}  loss {progress.loss:.3f}  {_streams(progress.train)}  "
        f"{progress.frames_per_s:.0f} frames/s"
    )
    say(line)
    if progress.held_out is not None:
        held = progress.held_out
        say(f"  held out: {_streams(held.model)}; unigram: {_streams(held.unigram)}")


def _streams(loss: "StreamLoss") -> str:
    """Text, and each stream's mean with its first and last codebook, in nats."""
    parts = [f"text {loss.text:.3f}"]
    for name, books in (("own", loss.own), ("user", loss.user)):
        if books:
            parts.append(f"{name} {sum(books) / len(books):.3f} ({books[0]:.2f}..{books[-1]:.2f})")
    return ", ".join(parts)


def _prompts(counts: "PromptCounts") -> str:
    """What the prompts of the run had in them."""
    line = f"of {counts.prompts} prompts, {counts.no_voice} had no voice sample outside their window, "
    line += f"{counts.no_role} no role text"
    return line + (f", {counts.roles_too_long} of these one that is too long" if counts.roles_too_long else "")


def _verdict(result: "TrainResult", run: Path) -> None:
    """The held-out table and where the run lies."""
    say(f"{counted(result.steps, 'step')}, ended by {result.ended}: {run}")
    if result.text_tokens_lost:
        say(f"{result.text_tokens_lost} text tokens found no frame or could not be spelled, over all epochs")
    if result.prompts is not None:
        say(_prompts(result.prompts))
    if result.held_out is None:
        say("nothing was held out to measure on")
        return
    table = Table("held out, nats", "model", "unigram", title_justify="left")
    model, unigram = result.held_out.model, result.held_out.unigram
    table.add_row("text", f"{model.text:.3f}", f"{unigram.text:.3f}")
    for stream, ours, theirs in (("own", model.own, unigram.own), ("user", model.user, unigram.user)):
        for k, (a, b) in enumerate(zip(ours, theirs, strict=True), start=1):
            table.add_row(f"{stream} codebook {k}", f"{a:.3f}", f"{b:.3f}")
    Console().print(table)
    say("below the unigram" if result.below_unigram else "not below the unigram yet: train longer")
