"""Ray, joined or started; the rest of the folder imports `ray` after this file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the machine
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray's coming default; silences its warning
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its lines would tear the live view; errors are raised

import ray

from cluster.engine import EngineError


def start_ray(cpus: int) -> None:
    """Join the cluster of RAY_ADDRESS, or start Ray on this machine with so many CPUs. Raises EngineError."""
    if ray.is_initialized():
        return
    options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if "RAY_ADDRESS" not in os.environ:
        options |= {"num_cpus": cpus, "include_dashboard": False}
    try:
        with _silent_stderr():
            ray.init(**options)
    except (ConnectionError, RuntimeError, OSError) as error:
        raise EngineError(f"Ray did not start ({error}); --engine inline runs without it") from error


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drop what native code writes to stderr: Ray announces its log level there. Exceptions pass."""
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
