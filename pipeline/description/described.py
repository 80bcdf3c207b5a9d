"""What the descriptions of a dataset are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.description.facts import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """`made`: what made the dataset; `recordings`, `splits`: totals, all three as they stand in dataset.json.

    `licences`: of the kept recordings; `taken`: what is used of each.
    """

    facts: Facts
    made: Mapping[str, Any]
    recordings: Mapping[str, Any]
    splits: Mapping[str, Any]
    licences: Sequence[str]
    taken: Sequence[str]

    @property
    def software(self) -> str:
        """What made it, with its version where that is known."""
        return str(self.made.get("software", "duplexset"))

    @property
    def configuration(self) -> Mapping[str, Any]:
        """The options of the build."""
        configuration: Mapping[str, Any] = self.made["configuration"]
        return configuration
