# Rules import the library beside them, because Snakemake looks there first; scripts and workers
# import the one that is installed. The two have to be the same.
import subprocess
import sys
from pathlib import Path

HOUSE = Path(str(workflow.current_basedir)).parent

if workflow.is_main_process:
    asked = [sys.executable, "-P", "-c", "import authenticity; print(*authenticity.__path__)"]
    found = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    if not found or Path(found).resolve() != (HOUSE / "authenticity").resolve():
        sys.exit(
            f"error: {sys.executable} imports the library `authenticity` from "
            f"{found or 'nowhere'}, expected {HOUSE}: type `make`, or in an environment of your "
            "own `python -m pip install --editable '.[workflow]'`"
        )
