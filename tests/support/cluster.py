"""A real Slurm on this machine: one controller and two nodes of one core, until the block ends."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import held
import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
# Where commands look for it that know no better: the executor hides $SLURM_CONF from its jobs.
CONFIGURATION = Path("/etc/slurm/slurm.conf")

_CONFIGURATION = """
ClusterName=toy
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldLogFile={folder}/slurmctld.log
MpiDefault=none
ReturnToService=2
KillWait=2
MinJobAge=600
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,defer_batch
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 RealMemory=6000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=6000
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True)
class Job:
    """A job as the cluster knows it, ended ones included."""

    number: str
    state: str
    comment: str
    node: str


def missing() -> str:
    """Say why no cluster can be started here; empty if one can."""
    if os.geteuid() != 0:
        return "a Slurm of one's own needs root"
    if absent := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"not installed (Debian: slurm-wlm, munge): {', '.join(absent)}"
    if os.path.lexists(CONFIGURATION):
        return f"{CONFIGURATION} is there: this machine has a Slurm already"
    return ""


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def running(folder: Path) -> Iterator[None]:
    """Run a cluster whose files are all in a folder, but for a link at `CONFIGURATION`."""
    folder.chmod(0o755)
    (folder / "state").mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    text = _CONFIGURATION.format(folder=folder, host=socket.gethostname(), ports=_free_ports(3))
    (folder / "slurm.conf").write_text(text)
    CONFIGURATION.parent.mkdir(exist_ok=True)
    CONFIGURATION.symlink_to(folder / "slurm.conf")
    munged = [
        *("munged", "--force", "--key-file", key, "--socket", folder / "munge.socket"),
        *("--pid-file", folder / "munged.pid", "--log-file", folder / "munged.log"),
        *("--seed-file", folder / "munge.seed"),
    ]
    try:
        for command in (munged, ["slurmctld"], ["slurmd", "-N", "n1"], ["slurmd", "-N", "n2"]):
            subprocess.run(command, check=True, capture_output=True)
        held.until(lambda: said("sinfo", "-h", "-o", "%T %D") == "idle 2")
        yield
    finally:
        subprocess.run(["scancel", "--me"], check=False)
        deadline = time.monotonic() + 20
        while said("squeue", "-h") and time.monotonic() < deadline:
            time.sleep(0.2)
        servers = ("slurmd-n1", "slurmd-n2", "slurmctld", "munged")
        stopped = [_stopped(folder / f"{name}.pid") for name in servers]
        CONFIGURATION.unlink()
        held.until_gone([process for process in stopped if process])


def _stopped(pid_file: Path, number: int = signal.SIGTERM) -> psutil.Process | None:
    """End a server; nothing if it has not begun."""
    with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):
        process = psutil.Process(int(pid_file.read_text()))
        process.send_signal(number)
        return process
    return None


def said(*command: str) -> str:
    """What a command of the cluster prints."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip()


def jobs() -> list[Job]:
    """All jobs of the cluster, the first one first."""
    lines = said("squeue", "--states=all", "-h", "-o", "%i|%T|%k|%N").splitlines()
    found = [Job(*line.split("|")) for line in lines]
    return sorted(found, key=lambda job: int(job.number))
