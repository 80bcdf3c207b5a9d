"""What a training run is: its configuration, which lies in the run folder and must not change there."""

import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from model.duplex import DuplexConfig, LossWeights
from model.prompt import SHORTEST_VOICE, SILENT_FRAMES
from model.streams import TextRule
from model.text import load_text_tokenizer
from schemas.errors import UserError

# What may differ when a run is continued: it says how far and where the run goes, not what it computes.
FREE_FIELDS = frozenset({"minutes", "threads", "device", "text"})
TEXT_FIELDS = frozenset({"text_sha256", "text_rule"})  # of a run with a text tokenizer alone
PERSONA_FIELDS = frozenset({"persona", "prompt_frames"})  # of a run with prompts alone

LEAST_PROMPT = SHORTEST_VOICE + SILENT_FRAMES


class TrainError(UserError):
    """The run cannot start or go on as asked; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """One run. A window is `window_frames` of 80 ms; a step takes `batch_size` * `accumulate` windows per process.

    seed: of the initial weights, the order of the data and the dropout.
    max_steps: length of the run and of the learning-rate schedule. minutes: stop earlier, after this long (None: no).
    learning_rate: peak, reached after warmup_steps, then a cosine down to a tenth. AdamW, betas 0.9 and 0.95.
    clip_norm: of the gradient. log_every, eval_every, checkpoint_every: in steps; eval_every 0 never evaluates.
    eval_windows: at most so many held-out windows. workers: loader processes per rank (0: read in the trainer).
    threads: CPU threads (None: torch's choice). device: auto, cpu or cuda[:n]; bfloat16 on CUDA, float32 elsewhere.
    text, text_sha256: where the text tokenizer is and the digest it must have (`with_text` sets both and the model's
    text_card); without, the text is PAD throughout. text_rule: for words that come too fast, see `text_row`.
    persona: a prompt of prompt_frames stands before each window, with the speaker's voice and role (`model.prompt`).
    """

    model: DuplexConfig = field(default_factory=DuplexConfig)
    weights: LossWeights = field(default_factory=LossWeights)
    seed: int = 0
    window_frames: int = 125
    batch_size: int = 4
    accumulate: int = 1
    max_steps: int = 300
    minutes: float | None = None
    learning_rate: float = 2e-3
    warmup_steps: int = 20
    weight_decay: float = 0.1
    clip_norm: float = 1.0
    log_every: int = 10
    eval_every: int = 50
    eval_windows: int = 64
    checkpoint_every: int = 100
    workers: int = 0
    threads: int | None = None
    device: str = "auto"
    text: str | None = None
    text_sha256: str | None = None
    text_rule: TextRule = "shift"
    persona: bool = False
    prompt_frames: int = 150

    def __post_init__(self) -> None:
        """Raise TrainError for a number that cannot be."""
        for name in ("window_frames", "batch_size", "accumulate", "max_steps", "log_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise TrainError(f"{name} is {getattr(self, name)}: it must be at least 1")

        if self.persona and self.prompt_frames < LEAST_PROMPT:
            raise TrainError(f"prompt_frames is {self.prompt_frames}: a prompt takes at least {LEAST_PROMPT}")

    def learning_rate_at(self, step: int) -> float:
        """Rate of step 0, 1, ...: linear warm-up, then a cosine to a tenth of the peak at max_steps."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(self.max_steps - self.warmup_steps, 1)
        return self.learning_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * min(done, 1.0))))

    def fixed(self) -> dict[str, object]:
        """The fields that a continued run must agree on, as JSON values."""
        left_out = FREE_FIELDS if self.text is not None else FREE_FIELDS | TEXT_FIELDS
        left_out = left_out if self.persona else left_out | PERSONA_FIELDS
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    def with_text(self, name: str, rule: TextRule) -> "TrainConfig":
        """With a text tokenizer, for which see `load_text_tokenizer`. Raises TextError where there is none."""
        tokenizer = load_text_tokenizer(name)
        path = Path(name)
        return replace(
            self,
            model=replace(self.model, text_card=tokenizer.text_card),
            text=str(path.absolute()) if path.is_file() else name,
            text_sha256=tokenizer.digest,
            text_rule=rule,
        )

    def differences(self, written: dict[str, object]) -> list[str]:
        """Names of the fixed fields that differ from those written in a run folder."""
        mine = self.fixed()
        return sorted(name for name in mine.keys() | written.keys() if mine.get(name, ...) != written.get(name, ...))
