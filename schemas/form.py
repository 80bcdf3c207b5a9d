"""What names of ours look like: safe in paths, in pages and on terminals."""

import re
from typing import Final

_CLIP_ID: Final = re.compile(r"[0-9a-f]{32}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
MOST_BYTES: Final = 1 << 32
"""Of a clip in its shard: a day of sound."""
MOST_FRAMES: Final = 1 << 24
_SHARD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.tar")


def is_clip_id(text: str) -> bool:
    """Whether a text is the id of a clip: 32 hexadecimal digits."""
    return _CLIP_ID.fullmatch(text) is not None


def is_sha256(text: str) -> bool:
    """Whether a text is a SHA-256 digest, in hexadecimal digits."""
    return _SHA256.fullmatch(text) is not None


def is_shard(text: str) -> bool:
    """Whether a text can be the name of a shard, a file of `shards/`."""
    return _SHARD.fullmatch(text) is not None
