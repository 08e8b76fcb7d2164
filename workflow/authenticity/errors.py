"""The two ways in which input can be wrong."""


class UserError(Exception):
    """Work cannot go on: one line that names the file, what was expected, and what to do.

    Shown to the user as it is, without a traceback; the process ends with a non-zero status.
    """


class RejectedClip(Exception):  # noqa: N818 - a clip is set aside, the run goes on
    """One clip cannot be used: it is set aside with this reason, and counted."""
