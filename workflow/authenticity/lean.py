"""What a process begins with, before numerical libraries and the allocator read it.

torch and transformers come without what costs over two seconds of each process and is never used:
one that has loaded an encoder takes 1.5 s of CPU and 340 MB, and else 3.8 s and 450 MB.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import importlib.machinery
import importlib.util
import os
import platform
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any


def one_thread_each() -> None:
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


def start() -> None:
    """Begin a process that may import torch: before it does.

    Python looks for garbage after each million new objects in place of 700, and not at the end: in
    what an import makes, that takes a fifth of the import's time, and half a second at the end.
    """
    gc.set_threshold(1_000_000)
    atexit.register(gc.freeze)
    _compile_nothing()


def _compile_nothing() -> None:
    """Replace torch's compiler in this process by a package that exempts functions from compiling.

    Optimisers and transformers import the compiler for nothing else.
    """
    name, torch = "torch._dynamo", importlib.util.find_spec("torch")
    if torch is None or name in sys.modules:
        return
    package = ModuleType(name)
    package.__path__ = [f"{folder}/_dynamo" for folder in torch.submodule_search_locations]
    for exemption in ("allow_in_graph", "assume_constant_result", "disable", "graph_break"):
        setattr(package, exemption, _as_it_is)
    sys.modules[name] = package


def _as_it_is(function: Callable | None = None, *_: Any, **__: Any) -> Callable:
    return function or _as_it_is


@functools.cache
def transformers() -> ModuleType:
    """Import transformers as if torch had no distributed tensors and there were no SciPy.

    It needs them to train on many machines, and to find objects in pictures.
    """
    import torch.distributed

    _list_no_models()
    utilities = importlib.import_module("transformers.utils")
    with _absent(torch.distributed, "is_available"), _absent(utilities, "is_scipy_available"):
        importlib.import_module("transformers.modeling_utils")
    torch.norm_except_dim = functools.partial(_norm_except_dim, torch.norm_except_dim)
    return sys.modules["transformers"]


def _list_no_models() -> None:
    """Have transformers' package of models read none of its 450 folders: each is found by name."""
    name = "transformers.models"
    found = importlib.util.find_spec("transformers")
    folders = [f"{folder}/models" for folder in found.submodule_search_locations]
    spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations.extend(folders)
    package = importlib.util.module_from_spec(spec)
    package.__getattr__ = functools.partial(_model, name)
    sys.modules.setdefault(name, package)


def _model(package: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        raise AttributeError(f"module {package} has no attribute {name}") from error


def _norm_except_dim(norm: Callable, v: Any, pow: int = 2, dim: int = 0) -> Any:
    """Take no norm of weights that are to be loaded: torch would import SymPy for it, in .3 s."""
    if not v.is_meta or dim < 0:
        return norm(v, pow, dim)
    return v.new_empty([size if at == dim else 1 for at, size in enumerate(v.shape)])


@contextlib.contextmanager
def _absent(module: ModuleType, asked: str) -> Iterator[None]:
    """Have this function of a module return False."""
    original = getattr(module, asked)
    setattr(module, asked, lambda: False)
    try:
        yield
    finally:
        setattr(module, asked, original)
