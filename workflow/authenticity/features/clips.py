"""The one reader of a corpus's clips: read, check, decode, put through a view, or set aside."""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from authenticity import audio
from authenticity.audio import Limits
from authenticity.errors import RejectedClip, UserError
from authenticity.features import views
from authenticity.roots import MissingFileError, Root

if TYPE_CHECKING:
    from authenticity.config import Step

Key = tuple[str, str]
"""A trial's key, and the digest of its file's data."""

_PROGRESS_SECONDS = 10.0
_logger = logging.getLogger("authenticity")


@dataclass(frozen=True)
class Reader:
    """Reads a corpus's clips, which must meet the limits as decoded and after the view's steps.

    They are heard as they are (in the view `clean`), or through a view's steps; see `views.apply`.
    """

    root: Root
    limits: Limits
    view: str = "clean"
    steps: Sequence["Step"] = ()

    def use(
        self, rows: Sequence[Mapping[str, Any]], work: Callable[[Key, bytes], None]
    ) -> tuple[list[Key], list[dict[str, Any]]]:
        """Read clips one by one and work on them; log the rejected ones.

        `rows` are the manifest's; a file must still have its row's `content` digest, if that is
        given. `work` is given the file's data, not yet decoded, and may reject a clip; see
        `samples`.

        Returns:
            Key and content digest of each accepted clip; rows of `tables.REJECTED` of the others.

        Raises:
            UserError: a file that was there when the manifest was made cannot be read now. Setting
                it aside would lose it for good, since nothing would tell when it is back.
        """
        progress, accepted, rejected = _Progress(len(rows)), [], []
        for row in rows:
            content = ""
            try:
                data = self._read(row)
                content = hashlib.sha256(data).hexdigest()[:32]
                if row.get("content", content) != content:
                    raise UserError(
                        f"{self.root.location}/{row['path']}: changed after its spectral numbers "
                        "were computed; give the file a new time (`touch`), and run again"
                    )
                work((row["key"], content), data)
            except RejectedClip as reason:
                _logger.warning("set aside: %s: %s", row["path"], reason)
                about = {"reason": f"{row['path']}: {reason}", "content": content}
                rejected.append({"file": row["key"], "label": row.get("label"), **about})
                progress.one_more(set_aside=True)
            else:
                accepted.append((row["key"], content))
                progress.one_more()
        return accepted, rejected

    def samples(self, key: Key, data: bytes) -> NDArray[np.float32]:
        """Decode a clip's data and apply the view's steps.

        Returns:
            Mono at 16 kHz, shape (n,), full scale 1.

        Raises:
            RejectedClip: it does not meet the limits.
        """
        samples = audio.decode(data, self.limits)
        if self.steps:
            samples = views.apply(samples, self.steps, key[1])
            try:
                audio.check(samples, self.limits)
            except RejectedClip as reason:
                raise RejectedClip(f"in view {self.view}: {reason}") from reason
        return samples

    def _read(self, row: Mapping[str, Any]) -> bytes:
        """Return a file's content; raise `UserError` where it is not what the manifest saw."""
        path = f"{self.root.location}/{row['path']}"
        try:
            data = self.root.read(row["path"], self.limits.max_bytes)
        except MissingFileError as error:
            if row["bytes"] == 0:  # it was missing when the manifest was made, too
                raise
            raise UserError(
                f"{path}: was there when the workflow was planned, and is not now; bring the "
                "corpus back, or run again if the file was removed on purpose"
            ) from error
        if len(data) != row["bytes"]:
            raise UserError(
                f"{path}: {len(data)} bytes, {row['bytes']} when the workflow was planned; do not "
                "change the corpus while the workflow runs, and run again"
            )
        return data


class _Progress:
    """Logs every few seconds how many clips are done."""

    def __init__(self, total: int):
        self._total, self._done, self._set_aside = total, 0, 0
        self._start = self._last = 0.0

    def one_more(self, set_aside: bool = False) -> None:
        self._done += 1
        self._set_aside += set_aside
        now = time.monotonic()
        if self._done == 1:  # the first clip waits for the encoder to load, so it is not timed
            self._start = self._last = now
        if now - self._last >= _PROGRESS_SECONDS and self._done < self._total:
            self._last = now
            rate = (self._done - 1) / (now - self._start)
            left = (self._total - self._done) / rate
            _logger.info(
                f"{self._done} of {self._total} clips, {self._set_aside} set aside, "
                f"{rate:.1f} a second, about {left:.0f} s left"
            )
