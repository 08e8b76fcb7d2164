"""Where encoders come from: a folder, or the model hub and its local cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from authenticity.errors import UserError
from authenticity.files import read_json, sha256

CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
WEIGHTS = "model.safetensors"
FILES = (CONFIG, PREPROCESSOR, WEIGHTS)

FAMILIES = ("hubert", "wav2vec2", "wavlm")
"""Encoders whose transformer layers are known to be called one after the other."""


@dataclass(frozen=True)
class EncoderSource:
    """Where an encoder comes from: a local folder, or a name on the model hub.

    Attributes:
        model: a folder with `config.json`, `preprocessor_config.json` and the weights, or a hub
            name such as `facebook/wav2vec2-base-960h`.
        revision: the hub's branch, tag or commit; unused for a folder.
        layers: how many transformer layers are kept, the lowest ones; None for all; `auto` for a
            number that `models.depth` finds.
    """

    model: str
    revision: str = "main"
    layers: int | Literal["auto"] | None = None

    weights: ClassVar[tuple[str, ...]] = (WEIGHTS, "pytorch_model.bin")
    """Names of the file of weights, the preferred one first.

    transformers reads the second one with weights_only: no code runs.
    """
    setting: ClassVar[str] = "`encoder.model` in the configuration"
    """Where to correct a wrong source."""
    remark: ClassVar[str] = ""
    """What is said where a file is missing."""

    @property
    def is_folder(self) -> bool:
        """Whether `model` is a local folder; a name that can be neither is a `UserError`."""
        if Path(self.model).is_dir():
            return True
        if Path(self.model).is_absolute() or self.model.strip("./").count("/") != 1:
            raise UserError(
                f"{self.model}: no such encoder folder; expected a folder with {CONFIG}, "
                f"{PREPROCESSOR} and {WEIGHTS}, or a hub name such as "
                f"facebook/wav2vec2-base-960h; correct {self.setting}"
            )
        return False

    @property
    def name(self) -> str:
        """What tables of this encoder are filed under."""
        name = Path(self.model).resolve().name if self.is_folder else self.model.replace("/", "--")
        return name if self.layers is None else f"{name}--{self.layers}-layers"

    def files(self) -> list[Path]:
        """Return the files of a local folder that embeddings depend on; none for a hub name."""
        if not self.is_folder:
            return []
        return [self._existing(*names) for names in ((CONFIG,), (PREPROCESSOR,), self.weights)]

    @cached_property
    def n_layers(self) -> int:
        """How many hidden states the encoder gives: its kept transformer layers and their input.

        Where `layers` is `auto`, all are counted: it is not known yet how many are kept.
        """
        path = self.json(CONFIG)
        config = read_json(path)
        layers = config.get("num_hidden_layers")
        if not isinstance(layers, int):
            raise UserError(f"{path}: expected `num_hidden_layers`; is this a speech encoder?")
        if self.layers is not None and config.get("model_type") not in FAMILIES:
            raise UserError(
                f"{path}: only {', '.join(FAMILIES)} can be cut to their lowest layers; take "
                "`encoder.layers` out of the configuration, or choose another encoder"
            )
        if self.layers in (None, "auto"):
            return layers + 1
        if self.layers > layers:
            raise UserError(
                f"{path}: the encoder has {layers} layers, and `encoder.layers` of the "
                f"configuration keeps {self.layers}; keep fewer"
            )
        return self.layers + 1

    @property
    def dimension(self) -> int:
        """How many numbers a hidden state has."""
        return read_json(self.json(CONFIG))["hidden_size"]

    def json(self, name: str) -> Path:
        """Return the path of one of the small files, from the folder or the hub."""
        return self._existing(name) if self.is_folder else self._from_hub([(name,)]) / name

    @cached_property
    def digest(self) -> str:
        """Identify the content of a local folder; empty for a hub name."""
        return "".join(sha256(path) for path in self.files())

    def fetch(self) -> Path:
        """Return the folder that holds all files, from the hub's local cache or the network."""
        return self.files()[0].parent if self.is_folder else self._from_hub(self._choices)

    @property
    def is_on_disk(self) -> bool:
        """Whether nothing needs to be downloaded."""
        return self.is_folder or self._cached(self._choices, local_only=True) is not None

    @property
    def _choices(self) -> list[tuple[str, ...]]:
        return [(CONFIG, PREPROCESSOR, weights) for weights in self.weights]

    def _existing(self, *names: str) -> Path:
        """Return the first of these files that the local folder has."""
        for path in (Path(self.model, name) for name in names):
            if path.is_file():
                return path
        raise UserError(
            f"{Path(self.model)}: expected {' or '.join(names)} in the model's folder; "
            f"complete it, or correct {self.setting}{self.remark}"
        )

    def _from_hub(self, choices: Sequence[tuple[str, ...]]) -> Path:
        """Return the folder of the hub's local cache that has all files of one of the choices.

        The network is asked only when the cache lacks a file, so a job never meets a newer commit
        than the one that the first job met.
        """
        if folder := self._cached(choices, True) or self._cached(choices, False):
            return folder
        raise UserError(
            f"{self.model}: not in the local model cache, and the model hub does not have "
            f"{' and '.join(choices[0])} there or cannot be reached; run once with a network, or "
            f"set {self.setting} to a local folder{self.remark if len(choices[0]) > 1 else ''}"
        )

    def _cached(self, choices: Sequence[tuple[str, ...]], local_only: bool) -> Path | None:
        for names in choices:
            folder = self._snapshot(names, local_only)
            if folder and all((folder / name).is_file() for name in names):
                return folder
        return None

    def _snapshot(self, names: tuple[str, ...], local_only: bool) -> Path | None:
        """Return the cache's folder of the revision; None where there is none."""
        import huggingface_hub
        from huggingface_hub import errors

        try:
            folder = huggingface_hub.snapshot_download(
                self.model,
                revision=self.revision,
                allow_patterns=list(names),
                local_files_only=local_only,
            )
        except errors.HFValidationError as error:
            raise UserError(
                f"{self.model}: neither a folder nor a name of the model hub; correct "
                f"{self.setting}"
            ) from error
        except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
            raise UserError(
                f"{self.model}: the model hub knows no such model at revision {self.revision}; "
                f"correct {self.setting}, or the `revision` beside it"
            ) from error
        except (OSError, errors.HfHubHTTPError):
            return None
        return Path(folder)
