"""Which encoders the configuration asks for, and where their files lie."""

from collections.abc import Mapping, Sequence
from typing import Any

Settings = Mapping[str, Any]


def trained(settings: Settings) -> list[str]:
    """Return the names `{speech}-{steps}-{seed}` of the encoders to choose among.

    Args:
        settings: of `config.yaml`; its `grid` lists runs of `speech`, `steps` and
            `seeds`, each in all combinations.
    """
    return [
        f"{run['speech']}-{steps}-{seed}"
        for run in settings["grid"]
        for steps in run["steps"]
        for seed in run["seeds"]
    ]


def untrained(settings: Settings) -> list[str]:
    """Return the names of encoders of the same shape with random weights: trained for no step."""
    speech = settings["grid"][0]["speech"]
    return [f"{speech}-0-{seed}" for seed in settings["random_seeds"]]


def judged(settings: Settings, names: Sequence[str], experiment: str, suffix: str) -> list[str]:
    """Return the paths of what an experiment made of encoders.

    Args:
        settings: of `config.yaml`.
        names: the encoders.
        experiment: `experiment` or `reference`, a key of the settings.
        suffix: `json` for the choice and its dev figures, `parquet` for the scores.
    """
    file = f"{settings['corpus']}/{settings[experiment]}.{suffix}"
    return [f"results/pretrain/judged/{name}/{file}" for name in names]
