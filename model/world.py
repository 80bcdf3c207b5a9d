"""The processes that train one model together: which of them this is, and what they exchange.

Whoever starts the processes also starts torch.distributed; here it is only used.
"""

from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class World:
    """This process's rank among `size`. The default is a process on its own, which exchanges nothing."""

    rank: int = 0
    size: int = 1

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network, its gradients averaged over the processes."""
        return DistributedDataParallel(network) if self.size > 1 else network

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over the processes, in place."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any process; every process gets the same answer."""
        return flag if self.size == 1 else bool(self.sum(torch.tensor(float(flag), device=device)).item())

    def gather(self, value: Value) -> list[Value]:
        """Every process's value, by rank."""
        if self.size == 1:
            return [value]
        values: list[Value] = [value] * self.size
        distributed.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        """Return once every process has come here."""
        if self.size > 1:
            distributed.barrier()
