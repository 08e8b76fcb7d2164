"""What numerical libraries and the allocator read when a process starts, said before it does."""

import os
import platform


def one_each() -> None:
    """Have this process and all that it starts compute in one thread each.

    As many processes run at once as there are cores. A matrix product split over threads is rounded
    otherwise, so that bytes would depend on the machine's number of cores.
    """
    for library in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "VECLIB_MAXIMUM"):
        os.environ[f"{library}_THREADS"] = "1"


def keep_freed_memory() -> None:
    """Have the processes that this one starts keep what they free for what they need next.

    Else glibc gives back arrays over 32 MB, and each new one is handed over and cleared page by
    page: an encoder takes 10 to 20% longer for clips of 4 to 12 s. Peaks are the same. A glibc
    before 2.36 may refuse such thresholds.
    """
    if platform.libc_ver() < ("glibc", "2.36"):
        return
    os.environ["MALLOC_MMAP_THRESHOLD_"] = os.environ["MALLOC_TRIM_THRESHOLD_"] = str(1 << 30)
