"""Numbers that come block by block: in memory while they are few, in a temporary file beyond.

Four hours of sound are 920 MB of samples. Code that looks at all of a recording takes it in blocks,
so that its memory does not grow with its length. The file is read, not mapped: mapped pages count
as memory of the process until the system takes them back.
"""

import io
import math
import tempfile
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from authenticity.errors import UserError

BLOCK = 204_800
"""Numbers in a block; a multiple of `_BUFFER`, and of 10 ms of samples."""

MOST_IN_MEMORY = 1 << 22
"""Numbers, 17 MB: four minutes of sound."""

_BUFFER = 8192  # numbers that NumPy converts to double precision at once


class OnDisk:
    """float32 rows in a file without a name, which ends with this object; slices are arrays."""

    def __init__(self, row_shape: tuple[int, ...]):
        self.shape = (0, *row_shape)
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - as long as the object
        weakref.finalize(self, self._file.close)

    def append(self, block: NDArray[np.float32]) -> None:
        """Write rows after the last one."""
        left = memoryview(block.tobytes())
        while left := left[self._file.write(left) :]:
            pass
        self.shape = (len(self) + len(block), *self.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[np.float32]:
        first, last, _ = rows.indices(len(self))
        width = math.prod(self.shape[1:])
        self._file.seek(first * width * 4)
        numbers = np.fromfile(self._file, np.float32, max(last - first, 0) * width)
        return numbers.reshape(-1, *self.shape[1:])


Rows = NDArray[np.float32] | OnDisk
"""An array, or what has a length and can be sliced like one."""


class Growing:
    """Gathers rows: an hour of samples takes 220 MiB in memory, and 456 MiB joined from parts.

    Args:
        row_shape: of one row; empty where a row is a number.
        most_in_memory: numbers; what is more goes to the temporary folder.
    """

    def __init__(self, row_shape: tuple[int, ...] = (), most_in_memory: float = MOST_IN_MEMORY):
        self._row_shape, self._most_bytes = row_shape, 4 * most_in_memory
        self._memory, self._disk = io.BytesIO(), None

    def append(self, block: NDArray[np.float32]) -> None:
        """Add rows, of shape (n, ...).

        Raises:
            UserError: the temporary folder does not take them.
        """
        block = np.ascontiguousarray(block, np.float32)
        if self._disk is None and self._memory.tell() + block.nbytes <= self._most_bytes:
            self._memory.write(block)
            return
        try:
            if self._disk is None:
                self._disk = OnDisk(self._row_shape)
                self._disk.append(self._held())
                self._memory = io.BytesIO()
            self._disk.append(block)
        except OSError as error:
            raise UserError(
                f"{tempfile.gettempdir()}: {error.strerror}; expected room for the samples of a "
                "long recording, 2 GB for four hours; make room, or set TMPDIR to a folder that "
                "has it"
            ) from error

    def _held(self) -> NDArray[np.float32]:
        numbers = np.frombuffer(self._memory.getbuffer(), np.float32)
        return numbers.reshape(-1, *self._row_shape)

    def whole(self) -> Rows:
        """Return all rows."""
        return self._held() if self._disk is None else self._disk


def blocks(rows: Rows) -> Iterator[NDArray[np.float32]]:
    """Yield all rows, under 1 MB at a time."""
    size = BLOCK // max(1, math.prod(rows.shape[1:]))
    return (rows[first : first + size] for first in range(0, len(rows), size))


def summed(rows: Rows, of: Callable[[NDArray[np.float32]], Any]) -> Any:
    """Sum a function of stretches of a clip, to the bit as NumPy sums the clip as a whole.

    Args:
        rows: numbers, (n,).
        of: returns a sum over a stretch in double precision, or an array of some.
    """
    total = np.float64(0)
    for block in blocks(rows):
        for first in range(0, len(block), _BUFFER):
            total = total + of(block[first : first + _BUFFER])
    return total
