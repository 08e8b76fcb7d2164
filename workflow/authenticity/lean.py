"""torch and transformers without what costs a second of each process and is never used.

One that has loaded an encoder takes 3.3 s of CPU and 350 MB, and else 4.5 s and 424 MB.
"""

import contextlib
import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any


def compile_nothing() -> None:
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

    utilities = importlib.import_module("transformers.utils")
    with _absent(torch.distributed, "is_available"), _absent(utilities, "is_scipy_available"):
        importlib.import_module("transformers.modeling_utils")
    return sys.modules["transformers"]


@contextlib.contextmanager
def _absent(module: ModuleType, asked: str) -> Iterator[None]:
    """Have this function of a module return False."""
    original = getattr(module, asked)
    setattr(module, asked, lambda: False)
    try:
        yield
    finally:
        setattr(module, asked, original)
