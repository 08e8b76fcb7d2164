"""The limits of a recording, which `--help` names without waiting for a numerical library."""

from dataclasses import dataclass

from authenticity.errors import RejectedClip


@dataclass(frozen=True)
class Limits:
    """What a clip must meet; the defaults are those of the configuration.

    Attributes:
        min_seconds: shortest duration.
        silence_dbfs: a peak below this level, in dB relative to full scale, counts as silence.
        max_megabytes: largest file, in 10^6 bytes.
        max_seconds: longest duration; it bounds the memory that a small file can decode to.
    """

    min_seconds: float = 0.25
    silence_dbfs: float = -60
    max_megabytes: float = 1000
    max_seconds: float = 14_400

    @property
    def max_bytes(self) -> int:
        """The largest file in bytes."""
        return int(self.max_megabytes * 1e6)

    def require(self, seconds: float, peak_dbfs: float) -> None:
        """Raise `RejectedClip` for a clip that is too short, too long or silent."""
        if seconds < self.min_seconds:
            raise RejectedClip(f"too short: {seconds:.3f} s, at least {self.min_seconds:g} needed")
        if seconds > self.max_seconds:
            raise RejectedClip(
                f"too long: more than {self.max_seconds:g} s "
                "(`audio.max_seconds` in the configuration); cut it into parts"
            )
        if peak_dbfs < self.silence_dbfs:
            raise RejectedClip(f"silent: no sample above {self.silence_dbfs:g} dBFS")

    def __str__(self) -> str:
        """Return duration and size in words."""
        return (
            f"{self.min_seconds:g} s to {self.max_seconds / 3600:g} h long, "
            f"in files of up to {self.max_megabytes / 1000:g} GB"
        )
