"""Where a key's rows are, worked out apart from the code that deals them."""

import zlib

from authenticity import shards


def shard_of(key: str, n_shards: int) -> str:
    """The shard of a key: it depends on the key alone, so other trials never move it."""
    return shards.names(n_shards)[zlib.crc32(key.encode()) % n_shards]
