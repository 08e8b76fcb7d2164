"""The configuration: every key with its type, range, default and meaning, defined once.

`Config.of` makes the typed object from what Snakemake merged, or refuses it with one line. Nothing
that scores recordings imports this module: pydantic is installed with the workflow only.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from authenticity.errors import UserError

Item = TypeVar("Item")


def _number(value: Any) -> int | float:
    """Accept a number as it is written: 300 and 300.0 differ in a view's version."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise PydanticCustomError("number", "a number such as 0.001 (to YAML, 1e-3 is text)")
    return value


def _unique(values: tuple[Item, ...]) -> tuple[Item, ...]:
    if len(set(values)) < len(values):
        raise PydanticCustomError("unique", "no entry twice")
    return values


def _not_clean(name: str) -> str:
    if name == "clean":
        raise PydanticCustomError("clean", "another name, this one is audio as it is")
    return name


def _with_kind(model: Any) -> Any:
    return {"kind": "logistic", **model} if isinstance(model, Mapping) else model


Number = Annotated[int | float, BeforeValidator(_number)]
Positive = Annotated[Number, Field(gt=0)]
Integer = Annotated[int, Strict()]
Natural = Annotated[Integer, Field(ge=0)]
Switch = Annotated[bool, Strict()]
Text = Annotated[str, StringConstraints(strict=True, min_length=1)]
Name = Annotated[str, StringConstraints(strict=True, pattern="^[a-z][a-z0-9_]*$")]
ViewName = Annotated[Name, AfterValidator(_not_clean)]
Unique = Annotated[tuple[Item, ...], AfterValidator(_unique)]
Some = Annotated[tuple[Item, ...], Field(min_length=1), AfterValidator(_unique)]
Pair = Annotated[Unique[Name], Field(min_length=2, max_length=2)]
Values = Annotated[tuple[Positive, ...], Field(min_length=1)]
Partition = Literal["train", "dev", "eval", "none"]


def key(meaning: str, default: Any = ..., **rest: Any) -> Any:
    """Describe a key: what it means, its default where it may be left out, and its range."""
    return Field(default, description=meaning, **rest)


class Section(BaseModel):
    """A part of the configuration: frozen, and without keys that are not defined."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def plain(self) -> dict[str, Any]:
        """Return it as plain data, for a rule's parameters or a file."""
        return self.model_dump(mode="json", exclude_none=True)


class Ablations(Section):
    """A table of experiments that are compared with one of them."""

    reference: Name = key("the row that the others are compared with")
    rows: dict[Name, str] = key("what each experiment varies, in words", min_length=2)


class Run(Section):
    """What this run covers."""

    corpora: Some[Name] = key("names from `corpora`")
    experiments: Some[Name] = key("names from `experiments`")
    views: Unique[Name] = key("views that every experiment is tested in", ())
    finetuned_views: Unique[Name] = key("views that fine-tuned encoders are tested in", ())
    bundles: Unique[Name] = key("experiments to make bundles of", ())
    ablations: Ablations | None = key("a table of ablations", None)
    comparisons: tuple[Pair, ...] = key("pairs of experiments, the baseline first", ())


class Corpus(Section):
    """Where a corpus is, and how it is laid out."""

    format: Literal[
        *("asvspoof2019_la", "asvspoof2021_la", "asvspoof2021_df", "asvspoof5", "fakeavceleb"),
        *("in_the_wild", "wavefake", "mlaad", "folder", "csv", "recordings"),
    ] = key("the layout")
    root: Text = key("a folder or a zip archive, of the disk or `s3://bucket/path`")
    splits: Some[Partition] | None = key("those to use; or all", None)
    subsets: Some[Literal["eval", "progress", "hidden"]] | None = key(
        "of the 2021 challenges", None
    )
    list: Text | None = key("of `csv`: the table's path below the root", None)
    duplicates: Literal["keep", "remove"] | None = key("clips of equal audio", None)
    n_shards: Integer | None = key("how many parts it is processed in", None, ge=1, le=100_000)
    demonstration: Switch = key("whether it only shows how things work", False)


class Audio(Section):
    """What a clip must meet."""

    min_seconds: Number = key("shortest duration", 0.25, ge=0.1)
    silence_dbfs: Number = key("a peak below this level is silence", -60, le=0)
    max_megabytes: Positive = key("largest file, in 10^6 bytes", 1000)
    max_seconds: Positive = key("longest duration", 14400, validate_default=True)
    max_rejected: Number = key("largest share of rejected clips", 0.01, ge=0, le=1)

    @field_validator("max_seconds")
    @classmethod
    def _some_duration_is_allowed(cls, value: Number, info: ValidationInfo) -> Number:
        shortest = info.data.get("min_seconds", value)
        if value < shortest:
            raise PydanticCustomError("duration", f"`min_seconds`, {shortest:g}, or more")
        return value


class EncoderSettings(Section):
    """What embeds the clips."""

    model: Text = key("a folder or a hub name", "resources/encoders/small")
    revision: Text = key("the hub's branch, tag or commit", "main")
    layers: Literal["auto"] | Natural | None = key(
        "how many layers to keep, the lowest ones; or as many as a sample shows to be needed; or "
        "all",
        None,
    )
    precision: Literal["auto", "bfloat16", "float32", "int8"] = key("of the computation", "auto")
    device: Literal["auto", "cpu"] = key("a GPU, where torch finds one, or the CPU", "cpu")
    window_seconds: Number = key("longest stretch at once", 30, ge=1, le=3600)


class _Protocol(Section):
    folds: Literal["speaker", "trial"] = key("what the folds keep together", "speaker")


class Partitions(_Protocol):
    """The corpus's own partitions."""

    kind: Literal["partitions"]
    fit: Partition = key("the partition to fit on")
    choose: Partition = key("the one to choose, calibrate and set the threshold on")
    report: Partition = key("the one to report on")

    @model_validator(mode="after")
    def _are_distinct(self) -> "Partitions":
        if len({self.fit, self.choose, self.report}) < 3:
            raise PydanticCustomError("parts", "three partitions, `fit`, `choose` and `report`")
        return self


class RandomSplit(_Protocol):
    """One partition, split at random."""

    kind: Literal["random"]
    partition: Partition = key("the partition to split")
    test_fraction: Number = key("the share to report on", gt=0, lt=1)


class Groups(_Protocol):
    """Rounds that each leave out a group of speakers, a speaker, or an attack."""

    kind: Literal["speaker_folds", "leave_one_speaker_out", "leave_one_attack_out"]
    number: Integer = key("number of speaker groups", 5, ge=3)
    partitions: Some[Partition] | None = key("the partitions to deal out; or all", None)


Protocol = Annotated[Partitions | RandomSplit | Groups, Field(discriminator="kind")]


class Features(Section):
    """What a model sees."""

    spectral: Literal["none", "standard", "prototype", "full", "dynamics"] = key(
        "the spectral numbers", "none"
    )
    layers: Literal["none", "last", "each", "all"] | Some[Natural] = key("hidden states", "none")
    pooling: Some[Literal["mean", "std", "mean_std"]] = key(
        "statistics over time, each a candidate", ("mean",), validate_default=True
    )
    view: Name = key("the view in which dev and eval are scored", "clean")
    train_views: Some[Name] = Field(
        default_factory=lambda found: (found["view"],), description="the views to fit on"
    )

    @field_validator("pooling", mode="wrap")
    @classmethod
    def _none_without_layers(
        cls, value: Any, check: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> tuple[str, ...]:
        if info.data.get("layers") != "none":
            return check(value)
        if value not in (["none"], ("none",)):
            check(value)
        return ("none",)

    @model_validator(mode="after")
    def _something(self) -> "Features":
        if self.spectral == self.layers == "none":
            raise PydanticCustomError("features", "`spectral` or `layers` or both")
        return self


class Logistic(Section):
    """Logistic regression on standardised features."""

    kind: Literal["logistic"]
    C: Values = key("inverse regularisation, to try", (0.001, 0.01, 0.1, 1, 10))
    folds: Integer = key("number of folds, where there is no dev", 5, ge=2)


class Contrastive(Section):
    """Logistic regression on what heads trained by contrast project the features to."""

    kind: Literal["contrastive"]
    loss: Literal[
        *("margin", "supcon", "info_nce", "spectral", "spectral_views"),
        *("oc_softmax", "cross_entropy"),
    ] = key("what the heads are trained by", "spectral_views")
    dimension: Integer = key("of the projection", 128, ge=2)
    hidden: Natural = key("width of a hidden layer; 0 for a linear head", 0)
    views: Literal[1, 2] = key("heads: one over all, or spectral and layers apart", 2)
    layer_weights: Switch = key("learn a weighted sum of the layers", False)
    temperature: Values = key("values to try", (0.1,))
    epochs: Integer = key("at most", 100, ge=1)
    batch_size: Integer = key("in clips", 128, ge=2)
    learning_rate: Positive = key("of AdamW", 0.01)
    weight_decay: Number = key("of AdamW", 1, ge=0)
    seeds: Some[Natural] = key("of weights and batches")
    C: Values = key("inverse regularisation, to try", (0.001, 0.01, 0.1, 1, 10))
    folds: Integer = key("number of folds, where there is no dev", 5, ge=2)


class FineTune(Section):
    """Some of the encoder's layers, trained."""

    kind: Literal["finetune"]
    unfrozen: Integer = key("how many layers are trained", 1, ge=1)
    epochs: Integer = key("at most", 8, ge=1)
    patience: Integer = key("epochs without gain on dev before it stops", 5, ge=1)
    batch_seconds: Positive = key("audio in a step, padding included", 96)
    learning_rate: Positive = key("of the encoder's layers", 0.00001)
    head_learning_rate: Positive = key("of the projection and the classifier", 0.00001)
    loss: Literal["cross_entropy", "margin", "supcon", "spectral"] = key(
        "what is minimised", "cross_entropy"
    )
    loss_weight: Positive = key("of the contrastive loss", 1)
    temperature: Positive = key("of the contrastive loss", 0.1)
    warmup: Number = key("the share of steps that warm up", 0.1, ge=0, le=1)
    weight_decay: Number = key("of AdamW", 0.01, ge=0)
    seeds: Some[Natural] = key("of the training")


class Published(Section):
    """A detector that others have published; nothing of it is fitted here."""

    kind: Literal["published"]
    id: Text = key("a folder or a hub name")
    revision: Text = key("the hub's branch, tag or commit", "main")
    spoof: Text | None = key("the label that means spoof, where the labels do not say it", None)


Model = Annotated[
    Annotated[Logistic | Contrastive | FineTune | Published, Field(discriminator="kind")],
    BeforeValidator(_with_kind),
]


class _Experiment(Section):
    features: Features = key("what the model sees")
    model: Model = key("what is fitted", {}, validate_default=True)
    shuffle_labels: Switch = key("permute the labels first; a control", False)
    seed: Natural = key("of folds, random splits and the bootstrap", le=2**32 - 1)


class Experiment(_Experiment):
    """All that the fit of an experiment depends on, with its protocol in place of the name."""

    protocol: Protocol
    protocol_name: Name

    def layer_by_layer(self) -> "Experiment":
        """Return what `models.depth` fits in its place: logistic regression on clean clips."""
        features = self.features.model_copy(update={"view": "clean", "train_views": ("clean",)})
        model = Logistic(kind="logistic")
        return self.model_copy(
            update={"features": features, "model": model, "shuffle_labels": False}
        )


class ExperimentEntry(_Experiment):
    """An experiment as it is configured."""

    protocol: Text = key("a name from `protocols`")
    corpora: Some[Name] | None = key("the corpora that it may be fitted on", None)
    control: Switch = key("whether others are compared with it", False)

    @model_validator(mode="before")
    @classmethod
    def _published_as_it_is(cls, values: Any) -> Any:
        model = values.get("model") if isinstance(values, Mapping) else None
        if not isinstance(model, Mapping) or model.get("kind") != "published":
            return values
        if "features" in values or values.get("shuffle_labels"):
            raise PydanticCustomError(
                "published", "a published detector without `features` and `shuffle_labels`"
            )
        return {**values, "features": {"layers": "last"}}

    @property
    def is_control(self) -> bool:
        """Whether it is a control; shuffled labels make one, whatever `control` says."""
        return self.control or self.shuffle_labels


class Whole(Section):
    """Cut the silence at both ends (`trim`), or invert the polarity of the waveform (`invert`)."""

    step: Literal["trim", "invert"]


class Band(Section):
    """What a channel lets through."""

    step: Literal["band"]
    low_hz: Number = key("the lower edge", ge=50, le=7900)
    high_hz: Number = key("the upper edge", ge=50, le=7900)

    @model_validator(mode="after")
    def _has_width(self) -> "Band":
        if self.low_hz >= self.high_hz:
            raise PydanticCustomError("band", "`low_hz` below `high_hz`")
        return self


class Noise(Section):
    """Add noise."""

    step: Literal["noise"]
    colour: Literal["white", "pink", "speech_shaped"] = key("its spectrum")
    snr_db: Number = key("how far it is below the speech", ge=-20, le=60)


class Reverberation(Section):
    """Put the clip into a room."""

    step: Literal["reverberation"]
    rt60_seconds: Number = key("time to fall by 60 dB", ge=0.05, le=10)
    direct_to_reverberant_db: Number = key("direct over reverberant", 0, ge=-30, le=30)


class RawBoost(Section):
    """Degrade as RawBoost augments."""

    step: Literal["rawboost"]
    algorithm: Literal["linear_nonlinear_convolutive", "impulsive", "stationary", "series"] = key(
        "one of its algorithms, or the three in series"
    )


class Mp3(Section):
    """Encode and decode as MP3."""

    step: Literal["codec"]
    codec: Literal["mp3"]
    bit_rate: Literal[
        *(8000, 16000, 24000, 32000, 40000, 48000, 56000, 64000, 80000, 96000, 112000, 128000),
        *(144000, 160000),
    ] = key("bits a second")


class Opus(Section):
    """Encode and decode as Opus."""

    step: Literal["codec"]
    codec: Literal["opus"]
    bit_rate: Integer = key("bits a second", ge=6000, le=128_000)


class Aac(Section):
    """Encode and decode as AAC."""

    step: Literal["codec"]
    codec: Literal["aac"]
    bit_rate: Integer = key("bits a second", ge=8000, le=96_000)


class Telephone(Section):
    """Encode and decode as telephones do."""

    step: Literal["codec"]
    codec: Literal["g722", "g711_alaw", "g711_ulaw"]


Codec = Annotated[Mp3 | Opus | Aac | Telephone, Field(discriminator="codec")]
Step = Annotated[
    Whole | Band | Noise | Reverberation | RawBoost | Codec, Field(discriminator="step")
]
View = Annotated[tuple[Step, ...], Field(min_length=1)]


def view(steps: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return the steps of a view, from plain data."""
    return TypeAdapter(View).validate_python(steps) if steps else ()


class Config(Section):
    """The whole configuration."""

    run: Run
    corpora: dict[Name, Corpus]
    audio: Audio = Audio()
    encoder: EncoderSettings = EncoderSettings()
    protocols: dict[Name, Protocol]
    experiments: dict[Name, ExperimentEntry]
    views: dict[ViewName, View] = {}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Config":
        """Check the configuration, and fill in what it leaves to defaults.

        Raises:
            UserError: one line on the first mistake, naming the key.
        """
        try:
            config = cls.model_validate(values)
        except ValidationError as error:
            raise UserError(_first_mistake(error, values)) from None
        config._check_names()
        for name in config.run.experiments:
            config._check_experiment(name)
        for name in config.run.bundles:
            config._check_bundle(name)
        return config

    def experiment(self, name: str) -> Experiment:
        """Return an experiment with its protocol in place of the protocol's name."""
        entry = self.experiments[name]
        common = {key: getattr(entry, key) for key in _Experiment.model_fields}
        protocol = self.protocols[entry.protocol]
        return Experiment(**common, protocol=protocol, protocol_name=entry.protocol)

    def _check_names(self) -> None:
        """Check that what `run` names is defined."""
        run = self.run
        compared = [name for pair in run.comparisons for name in pair]
        _require_defined("run.comparisons", compared, self.experiments)
        _require_defined("run.bundles", run.bundles, self.experiments)
        _require_defined("run.finetuned_views", run.finetuned_views, self.views)
        if table := run.ablations:
            for name in [table.reference, *table.rows]:
                if name not in run.experiments or name not in table.rows:
                    raise UserError(
                        f"configuration, run.ablations: {name} has to be one of its `rows` and of "
                        "`run.experiments`"
                    )
        for kind in ("corpora", "experiments", "views"):
            more = f", or a new entry under `{kind}`"
            _require_defined(f"run.{kind}", getattr(run, kind), getattr(self, kind), more)

    def _check_experiment(self, name: str) -> None:
        """Check that what an experiment names is defined, and that it can be fitted."""
        entry, where = self.experiments[name], f"experiments.{name}"
        features, views = entry.features, ["clean", *self.views]
        _require_defined(f"{where}.protocol", [entry.protocol], self.protocols)
        _require_defined(f"{where}.corpora", entry.corpora or (), self.corpora)
        _require_defined(f"{where}.features.view", [features.view], views)
        _require_defined(f"{where}.features.train_views", features.train_views, views)
        model, protocol = entry.model.kind, self.protocols[entry.protocol].kind
        can_be_finetuned = (
            features.spectral == "none"
            and features.layers not in ("all", "each")
            and {features.view, *features.train_views} == {"clean"}
            and protocol in ("partitions", "random")
            and not entry.shuffle_labels
        )
        if model == "finetune" and not can_be_finetuned:
            raise UserError(
                f"configuration, {where}: fine-tuning takes `layers: last` or a list of how many "
                "layers to keep, no spectral numbers, clean audio, a protocol of one round, and "
                "labels as they are; config/README.md explains it"
            )
        can_be_sampled = (
            model == "published"
            or features.layers == "none"
            or (features.layers == "each" and model != "finetune" and protocol == "partitions")
        )
        if self.encoder.layers == "auto" and not can_be_sampled:
            raise UserError(
                f"configuration, {where}: with `encoder.layers: auto`, an experiment that has "
                "`layers` takes `layers: each` and a protocol of partitions, and is not "
                "fine-tuned; change it, or give `encoder.layers` a number"
            )

    def _check_bundle(self, name: str) -> None:
        """Check that an experiment leaves one calibrated model that scores clean recordings."""
        entry = self.experiments[name]
        view, protocol = entry.features.view, self.protocols.get(entry.protocol)
        reasons = {
            "it is fine-tuned": entry.model.kind == "finetune",
            f"it is scored in the view {view}": view != "clean",
            f"its protocol {entry.protocol} has several models or no dev": (
                protocol is not None and protocol.kind != "partitions"
            ),
        }
        if true := [reason for reason, holds in reasons.items() if holds]:
            raise UserError(
                f"configuration, run.bundles: no bundle can be made of {name}, for {true[0]}; take "
                "it out, config/README.md says what bundles are made of"
            )


def _require_defined(key: str, names: Iterable[str], known: Iterable[str], more: str = "") -> None:
    for name in names:
        if name not in known:
            raise UserError(
                f"configuration, {key}: {name} is not defined; expected one of "
                f"{', '.join(known)}{more}"
            )


_WORDS = {
    "extra_forbidden": "unknown key",
    "invalid_key": "a key that is text",
    "missing": "missing",
    "union_tag_not_found": "missing",
    "union_tag_invalid": "one of {expected_tags}",
    "model_type": "keys and their values",
    "model_attributes_type": "keys and their values",
    "dict_type": "names and their entries",
    "tuple_type": "a list",
    "too_short": "{min_length} or more entries",
    "too_long": "{max_length} entries",
    "string_pattern_mismatch": "small letters, digits and underscores, a letter first",
    "string_too_short": "text that is not empty",
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
}
"""What was expected, by pydantic's name of the mistake; for others in its own words."""


def _first_mistake(error: ValidationError, values: Mapping[str, Any]) -> str:
    mistakes = [
        (_place(mistake, values), mistake)
        for mistake in error.errors(include_url=False)
        if mistake["type"] != "default_factory_not_called"  # follows from another mistake
    ]
    first, _ = mistakes[0]
    # Where a value may be one of several things, the mistake is the deepest one.
    place = max((place for place, _ in mistakes if place[: len(first)] == first), key=len)
    here = [mistake for other, mistake in mistakes if other == place]
    expectations, last = list(map(_said, here)), here[-1]
    value = last.get("ctx", {}).get("tag", last["input"])
    if last["type"] in ("extra_forbidden", "missing", "union_tag_not_found"):
        what = expectations[-1]
    elif isinstance(value, str | int | float | None):
        what = f"expected {' or '.join(dict.fromkeys(expectations))}, found {repr(value)[:60]}"
    else:
        what = f"expected {expectations[-1]}"
    where = ".".join(map(str, place)) or "the top level"
    return f"configuration, {where}: {what}; config/README.md explains every key"


def _place(mistake: ErrorDetails, values: Mapping[str, Any]) -> list[str | int]:
    """Return the parts of a key, without pydantic's names for the alternatives of a union."""
    place: list[str | int] = []
    here: Any = values
    kinds: list[Any] = []
    for part in mistake["loc"]:
        if part in kinds:
            kinds.remove(part)
        elif "[" not in str(part) and part != "constrained-int":
            place.append(part)
            try:
                here = _with_kind(here[part]) if part == "model" else here[part]
            except (KeyError, IndexError, TypeError):
                here = None
            known = here if isinstance(here, Mapping) else {}
            kinds = [known[name] for name in ("kind", "step", "codec") if name in known]
    if mistake["type"].startswith("union_tag"):
        place.append(mistake["ctx"]["discriminator"].strip("'"))
    return place


def _said(mistake: ErrorDetails) -> str:
    if words := _WORDS.get(mistake["type"]):
        return words.format(**mistake.get("ctx", {}))
    return mistake["msg"].removeprefix("Input should be ")
