"""An experiment as a whole: all of its candidates fitted, and one of them chosen.

Candidates that are done are kept beside the result until it is there, so that a run that was
killed goes on with the next one.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from authenticity import tables
from authenticity.files import read_arrays, write_arrays, write_json
from authenticity.models.candidates import Candidate, Choice, said_C
from authenticity.models.projection import model_class

if TYPE_CHECKING:
    from authenticity.config import Experiment

_logger = logging.getLogger("authenticity")


def fit_all(
    names: Iterable[str], fit: Callable[[str], Candidate], kind: str, unfinished: Path, origin: str
) -> dict[str, Candidate]:
    """Fit every candidate of an experiment that an interrupted run has not fitted already.

    Args:
        names: of the candidates, in the order in which ties are decided.
        fit: fits the candidate of a name.
        kind: of the model; see `projection.model_class`.
        unfinished: the folder that keeps those that are done; the caller removes it once the
            result is safe.
        origin: what the candidates depend on, see `origin_of`: those kept from another are fitted
            again.
    """
    fitted = {}
    for name in names:
        candidate = _read(unfinished, name, kind, origin)
        if candidate is None:
            candidate = fit(name)
            _write(unfinished, name, candidate, origin)
        for line in candidate.lines():
            _logger.info("%s, %s", name, line)
        fitted[name] = candidate
    return fitted


def origin_of(paths: Iterable[str | Path], *settings: Any) -> str:
    """Return a digest of files, by their size and time, and of settings."""
    stats = {str(path): Path(path).stat() for path in paths}
    files = [[path, stat.st_size, stat.st_mtime_ns] for path, stat in stats.items()]
    return hashlib.sha256(json.dumps([files, settings], sort_keys=True).encode()).hexdigest()


def _write(folder: Path, name: str, candidate: Candidate, origin: str) -> None:
    about = {"origin": origin, "summary": json.dumps(candidate.summary)}
    write_arrays(folder / f"{name}.safetensors", candidate.arrays())
    scores = candidate.scores
    tables.write(folder / f"{name}.parquet", scores, scores.schema, about)


def _read(folder: Path, name: str, kind: str, origin: str) -> Candidate | None:
    path = folder / f"{name}.parquet"  # written last
    if not path.exists():
        return None
    about = tables.metadata(path)
    if about["origin"] != origin:
        return None
    _logger.info("%s: taken over from the run that was interrupted", name)
    arrays, summary = read_arrays(folder / f"{name}.safetensors"), json.loads(about["summary"])
    rounds = summary["rounds"]
    models = {
        pooling: [
            model_class(kind).of(arrays, f"{pooling}.{index}") for index in range(len(rounds))
        ]
        for pooling in rounds[0]["poolings"]
    }
    return Candidate(tables.read(path), models, summary)


def publish(
    choice: Choice, experiment: "Experiment", name: str, corpus: str, paths: Mapping[str, str]
) -> None:
    """Write an experiment's model and scores.

    Args:
        choice: what the experiment came to.
        experiment: from the configuration.
        name: of the experiment.
        corpus: that it was fitted on.
        paths: of `model`, `weights`, `scores`, `candidates` and `seeds`.
    """
    about = {"experiment": name, "corpus": corpus, "protocol": experiment.protocol_name}
    settings = {"seed": experiment.seed, "features": experiment.features.plain()}
    settings["kind"] = experiment.model.kind
    scored = {"target": corpus, "view": experiment.features.view, "chosen": choice.chosen()}
    write_json(paths["model"], {**about, **settings, **choice.model})
    write_arrays(paths["weights"], choice.arrays)
    tables.write(paths["candidates"], choice.candidates, choice.candidates.schema, about)
    tables.write(paths["seeds"], choice.seeds, choice.seeds.schema, about)
    tables.write(paths["scores"], choice.scores, choice.scores.schema, about | scored)
    for row in choice.model["rounds"]:
        chosen = (row[key] for key in ("round", "candidate", "pooling"))
        C = said_C(row["C"])
        _logger.info("%s, round %s: chosen %s, pooling %s, C %s", name, *chosen, C)
