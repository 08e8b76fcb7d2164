"""The two ways in which input can be wrong."""


class UserError(Exception):
    """Work cannot go on: one line that names the file, what was expected, and what to do.

    Shown to the user as it is, without a traceback; the process ends with a non-zero status.
    """


def in_one_line(error: Exception) -> str:
    """Say what is wrong; of a failing disk or permission, which file."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; mend that and run again"
    return str(error)


class RejectedClip(Exception):  # noqa: N818 - a clip is set aside, the run goes on
    """One clip cannot be used: it is set aside with this reason, and counted."""
