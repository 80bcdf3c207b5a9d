"""Two speakers as a recording makes them known: what the separator is told, in memory and as bytes."""

from dataclasses import dataclass, fields
from typing import Final

from safetensors.torch import load, save
from torch import Tensor

from model.separator.exemplars import Examples

EXAMPLES: Final = 400
"""Of each speaker, for overlaps; activity makes do with the first SOME of them."""
SOME: Final = 150


@dataclass(frozen=True, slots=True)
class Known:
    """Two speakers, from their solo speech.

    first, second: examples of each. voices: embeddings [2, E]. level: [1], mean magnitude of a bin in speech.
    mean: [68], floor: [1], of the recording's log-mel speech, which the embeddings are relative to.
    """

    first: Examples
    second: Examples
    voices: Tensor
    level: Tensor
    mean: Tensor
    floor: Tensor

    def some(self) -> "Known":
        """With fewer examples, for activity."""
        first, second = (Examples(e.bands[:, :SOME], e.bins[:, :SOME]) for e in (self.first, self.second))
        return Known(first, second, self.voices, self.level, self.mean, self.floor)

    def to_bytes(self) -> bytes:
        """As safetensors; the examples in half precision."""
        tensors = {name: getattr(self, name) for name in ("voices", "level", "mean", "floor")}
        for side in ("first", "second"):
            for part in fields(Examples):
                tensors[f"{side}.{part.name}"] = getattr(getattr(self, side), part.name).half()
        return save({name: t.contiguous() for name, t in tensors.items()})

    @staticmethod
    def from_bytes(data: bytes) -> "Known":
        """The inverse of `to_bytes`, but for the rounding of the examples."""
        t = {name: value.float() for name, value in load(data).items()}
        sides = [Examples(*(t[f"{side}.{part.name}"] for part in fields(Examples))) for side in ("first", "second")]
        return Known(sides[0], sides[1], t["voices"], t["level"], t["mean"], t["floor"])
