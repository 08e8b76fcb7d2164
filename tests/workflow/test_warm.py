"""Processes that start warm are as those that Python starts."""

import subprocess
import sys
from pathlib import Path

import pytest
import warm
from checkout import environment

JOB = """
import os, sys
import authenticity
print(sys.argv, os.getcwd(), os.environ["OMP_NUM_THREADS"], authenticity.__file__, sys.path[:2])
print(__name__, sys.executable, file=sys.stderr)
"""


ENDS = ["", "sys.exit(3)", "sys.exit('told')", "1 / 0", "os.kill(os.getpid(), 9)"]


@pytest.mark.parametrize("end", ENDS)
def test_a_script_has_the_same_surroundings_and_the_same_end(end: str, tmp_path: Path):
    library = tmp_path / "workflow" / "authenticity"
    library.mkdir(parents=True)
    (library / "__init__.py").touch()
    script = tmp_path / "folder" / "job.py"
    script.parent.mkdir()
    script.write_text(JOB + end)
    here = environment(tmp_path, cores=1)
    cold = subprocess.run(
        [sys.executable, str(script), "a b"], cwd=tmp_path, env=here, capture_output=True, text=True
    )
    found = warm.run([str(script), "a b"], tmp_path, here)
    assert found.returncode == (cold.returncode if cold.returncode >= 0 else 137)
    lines = cold.stdout.splitlines() + cold.stderr.splitlines()
    assert sorted({*lines} - {*found.stdout.splitlines()}) == []
    assert bool(end) == bool(found.returncode)


def test_a_job_of_two_threads_is_no_fork(tmp_path: Path):
    (tmp_path / "job.py").write_text("import sys; print('torch' in sys.modules)")
    for threads, forked in (("1", "True"), ("2", "False")):
        here = environment(tmp_path, cores=1) | {warm.THREADS: threads}
        found = subprocess.run(
            [warm.python(), "job.py"], cwd=tmp_path, env=here, capture_output=True, text=True
        )
        assert found.stdout == f"{forked}\n", found.stderr
