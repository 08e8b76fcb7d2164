"""The two ways in which input can be wrong, and how a lack of memory is told."""

import errno

MORE_MEMORY = (
    "close other programs, give fewer --cores or raise the limit on memory, and run the same "
    "command again"
)
# What C++, the loader of libraries, torch, and Python's import say.
_NO_MEMORY = ("bad_alloc", "failed to map segment", "allocate memory", "without exception set")


class UserError(Exception):
    """Work cannot go on: one line that names the file, what was expected, and what to do.

    Shown to the user as it is, without a traceback; the process ends with a non-zero status.
    """


def in_one_line(error: Exception) -> str:
    """Say what is wrong; of a failing disk or permission, which file."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; fix this and run again"
    return str(error)


def lacks_memory(error: BaseException | None) -> bool:
    """Tell whether memory ran out, however a library has it, also where it led to the error."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        if any(sign in str(error) for sign in _NO_MEMORY):
            return True
        error = error.__cause__ or error.__context__
    return False


class RejectedClip(Exception):  # noqa: N818 - a clip is set aside, the run goes on
    """One clip cannot be used: it is set aside with this reason, and counted."""
