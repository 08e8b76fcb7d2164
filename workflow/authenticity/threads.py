"""One thread for each process: said before a numerical library is loaded, which then obeys."""

import os


def one_each() -> None:
    """Have this process and all that it starts compute in one thread each.

    As many processes run at once as there are cores. A matrix product split over threads is rounded
    otherwise, so that bytes would depend on the machine's number of cores.
    """
    for library in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "VECLIB_MAXIMUM"):
        os.environ[f"{library}_THREADS"] = "1"
