"""Python processes that need not import large libraries: copies of one that has imported them.

A run of the toy corpus starts some twenty jobs, and each of them imports for 1 to 5 s what the job
before it has imported, too. Here a server imports it once, and each process is a fork of it, with
the arguments, the environment, the folder and the streams that it is given. Snakemake is started
so, and is told that `python` is a command that has its jobs' scripts started so, too.

The project's own library is never in the server: each checkout imports its own. Runs that are
killed, a cluster and a bucket start their processes as users do, and have the same tables.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

THREADS = "OMP_NUM_THREADS"
IMPORTED = (
    *("matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg"),
    *("pandas", "pyarrow.parquet", "pydantic", "scipy.optimize", "scipy.stats"),
    *("sklearn.linear_model", "sklearn.model_selection", "sklearn.pipeline"),
    *("snakemake.cli", "snakemake.script", "torch", "transformers.masking_utils"),
    *(f"transformers.models.{name}.modeling_{name}" for name in ("hubert", "wav2vec2", "wavlm")),
)
"""Snakemake, and what the library imports, wherever it does so."""


def run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run `python -m ...`, and return what it printed, standard error included."""
    with tempfile.TemporaryFile() as said, Path(os.devnull).open() as nothing:
        streams = [nothing.fileno(), said.fileno(), said.fileno()]
        code = _ask(_server(), arguments, str(folder), environment, streams)
        said.seek(0)
        return subprocess.CompletedProcess(arguments, code, said.read().decode())


def python() -> Path:
    """Return a command that is `python`, but for what `start` says."""
    return Path(_server()).with_name("python")


@functools.cache
def _server() -> str:
    """Start the server, which ends with this process; return the address of its socket."""
    home = tempfile.TemporaryDirectory(prefix="warm-")
    address = f"{home.name}/socket"
    command = Path(home.name, "python")
    command.write_text(
        f"#!{sys.executable} -IS\nimport sys\nsys.path.append({str(Path(__file__).parent)!r})\n"
        f"import warm\nwarm.start({address!r})\n"
    )
    command.chmod(0o755)
    environment = {**os.environ, THREADS: "1", "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        [sys.executable, __file__, address], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"

    def stop() -> None:
        process.kill()
        process.wait()
        home.cleanup()

    atexit.register(stop)
    return address


def start(address: str) -> None:
    """Be a `python` whose modules, and scripts of one thread, are forked; all else is not."""
    # In the server, libraries have read the number when they were imported.
    is_script = sys.argv[1].endswith(".py") and os.environ.get(THREADS) == "1"
    if not is_script and sys.argv[1] != "-m":
        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
    sys.exit(_ask(address, sys.argv[1:], str(Path.cwd()), os.environ, [0, 1, 2]))


def _ask(
    address: str,
    arguments: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    streams: Sequence[int],
) -> int:
    """Have the server start a process with these streams; return its exit code."""
    request = json.dumps([arguments, folder, dict(environment)]).encode()
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(address)
        socket.send_fds(asking, [len(request).to_bytes(8, "big")], streams)
        asking.sendall(request)
        return int(asking.recv(8))


def _serve(address: str) -> Callable[[], object]:
    """Fork a process for each that asks; return in that process, with what it is to do."""
    for name in IMPORTED:
        importlib.import_module(name)
    assert "authenticity" not in sys.modules
    threads = {path.read_text() for path in Path("/proc/self/task").glob("*/comm")}
    # Of other threads a fork would keep what they lock; Arrow's allocator takes care of its own.
    assert len(threads - {"jemalloc_bg_thd\n"}) == 1, threads
    gc.freeze()  # else a collection in a fork copies all that was imported
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        listening.settimeout(1)
        print("ready", flush=True)
        while not (asked := _accepted(listening)) or os.fork():
            if asked:
                asked.close()
    size, streams, _, _ = socket.recv_fds(asked, 8, 3)
    request = b""
    while len(request) < int.from_bytes(size, "big"):
        request += asked.recv(1 << 16)
    if child := os.fork():
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        asked.sendall(str(code if code >= 0 else 128 - code).encode())
        os._exit(0)
    asked.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return functools.partial(_become, address, *json.loads(request))


def _accepted(listening: socket.socket) -> socket.socket | None:
    """Wait for the next one that asks, or for a second; bury what has ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    if os.getppid() == 1:  # who started the server was killed
        os._exit(1)
    with contextlib.suppress(TimeoutError):
        return listening.accept()[0]
    return None


def _become(address: str, arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Go on as the process that `python` with these arguments would be."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    added = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [*filter(None, added), *sys.path[1:]]
    if arguments[0] == "-m":
        sys.path.insert(0, folder)
        sys.executable = str(Path(address).with_name("python"))
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    sys.path.insert(0, str(Path(arguments[0]).parent))
    sys.argv = arguments
    runpy.run_path(arguments[0], run_name="__main__")


def _end(act: Callable[[], object]) -> None:
    """Do it and end as Python does, but for taking all modules apart, which takes a second."""
    code: object = 0
    try:
        act()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    _end(_serve(sys.argv[1]))
