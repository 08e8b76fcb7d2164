"""The project's own promises: pins agree, every key is explained, plans are readable."""

import copy
import datetime
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
import yaml
from authenticity.config import Aac, Config, Experiment, Opus, Section
from authenticity.errors import UserError
from authenticity.planning import Plan
from checkout import REPOSITORY
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo


def pins(text: str) -> set[str]:
    found = re.findall(r"^[A-Za-z0-9_.-]+==[^\s#]+", text, re.MULTILINE)
    return {pin.lower().replace("_", "-") for pin in found}


HASHED = (REPOSITORY / "requirements.txt").read_text()
TORCH = pins((REPOSITORY / "requirements.in").read_text())


def test_the_conda_environment_mirrors_the_pins():
    environment = yaml.safe_load((REPOSITORY / "envs" / "authenticity.yaml").read_text())
    (pip,) = [item["pip"] for item in environment["dependencies"] if isinstance(item, dict)]
    assert pins("\n".join(pip)) == pins(HASHED) | TORCH


def test_everything_is_pinned_and_torch_to_its_version():
    for name in (f"requirements-{use}.txt" for use in ("test", "slurm", "fuzz")):
        lines = (REPOSITORY / name).read_text().splitlines()
        wanted = [line for line in lines if line.strip() and not line.startswith("#")]
        assert len(pins("\n".join(wanted))) == len(wanted), name
    assert sorted(TORCH) == ["torch==2.13.0"]
    hashed = re.findall(r"^(\S+) \\\n +--hash=sha256:[0-9a-f]{64}\b", HASHED, re.MULTILINE)
    assert pins("\n".join(hashed)) == pins(HASHED)
    asked = "".join(path.read_text() for path in sorted(REPOSITORY.glob("requirements*.in")))
    assert "snakemake" in asked and "librosa" in asked
    pinned = {pin.split("==")[0] for pin in pins(HASHED) | TORCH}
    for name in re.findall(r"^([a-z0-9-]+)", asked, re.MULTILINE):
        assert name in pinned


def test_a_cluster_reruns_as_one_machine_does():
    machine, nodes = (
        yaml.safe_load((REPOSITORY / f"profiles/{name}/profile.yaml").read_text())
        for name in ("default", "slurm")
    )
    assert machine.pop("resources")
    assert machine.items() <= nodes.items()


def keys(schema: dict) -> set[str]:
    """The names of all keys that a schema knows, at every depth."""
    found = set(schema.get("properties", {}))
    for part in [
        *schema.get("properties", {}).values(),
        *(schema.get(name) for name in ("additionalProperties", "then", "else")),
    ]:
        if isinstance(part, dict):
            found |= keys(part)
    return found


def test_every_key_of_the_tools_is_explained():
    schemas = [*(REPOSITORY / "tools").glob("*/config.schema.yaml")]
    assert len(schemas) == 2
    for schema in schemas:
        explained = (schema.parent / "README.md").read_text()
        for key in keys(yaml.safe_load(schema.read_text())):
            assert f"`{key}`" in explained, key


def definitions(section: type[Section] = Section) -> Iterator[tuple[str, FieldInfo]]:
    """Every key below the configuration's sections, with its definition."""
    for own in section.__subclasses__():
        if own is not Config:
            described = own.model_fields.items()
            yield from ((name, field) for name, field in described if name != "protocol_name")
        yield from definitions(own)


def choices(annotation: Any) -> list[str]:
    """The words that a key may have as its value."""
    if get_origin(annotation) is Literal:
        return [word for word in get_args(annotation) if isinstance(word, str)]
    return [word for part in get_args(annotation) for word in choices(part)]


def as_written(default: Any) -> str:
    """A default as the tables of config/README.md have it."""
    if isinstance(default, tuple):
        return f"[{', '.join(map(as_written, default))}]"
    if isinstance(default, str | bool):
        return str(default) if isinstance(default, str) else json.dumps(default)
    return f"{default:.5f}".rstrip("0").rstrip(".")


def test_the_readme_has_every_key_with_its_default_and_its_choices():
    explained = (REPOSITORY / "config" / "README.md").read_text()
    rows = [line for line in explained.splitlines() if line.startswith("|")]
    for key, field in definitions():
        own = [row for row in rows if f"`{key}`" in row]
        assert own, key
        assert field.description or key in ("kind", "step", "codec", "protocol"), key
        if not (field.is_required() or field.default_factory or field.default in (None, (), {})):
            default = re.compile(rf"(?<![\w.]){re.escape(as_written(field.default))}(?![\w.])")
            assert any(map(default.search, own)), (key, field.default)
        for word in choices(field.annotation):
            assert f"`{word}`" in explained, (key, word)
    for codec, words in ((Opus, "Opus takes"), (Aac, "AAC")):
        limits = codec.model_json_schema()["properties"]["bit_rate"]
        assert f"{words} {limits['minimum']} to {limits['maximum']}" in explained
    for name in Config.model_fields:
        assert f"\n## `{name}`: " in explained


def test_defaults_are_filled_in():
    config = Config.of(
        {
            "run": {"corpora": ["mine"], "experiments": ["one"]},
            "corpora": {"mine": {"format": "asvspoof2019_la", "root": "x"}},
            "protocols": {"p": {"kind": "random", "partition": "dev", "test_fraction": 0.2}},
            "experiments": {"one": {"features": {"layers": "last"}, "protocol": "p", "seed": 1}},
        }
    )
    assert config.audio.max_rejected == 0.01
    assert config.encoder.precision == "auto"
    one = config.experiment("one")
    assert one.protocol.folds == "speaker"
    assert (one.model.kind, one.model.folds) == ("logistic", 5)
    assert (one.features.spectral, one.features.train_views) == ("none", ("clean",))
    assert Experiment.model_validate(one.plain()) == one


@pytest.mark.parametrize(
    ("changed", "value", "expected"),
    [
        ("audio.min_second", 1, "audio.min_second: unknown key"),
        ("audio.min_seconds", 0, "audio.min_seconds: expected 0.1 or more, found 0"),
        ("audio.max_seconds", float("nan"), "audio.max_seconds: expected a number such as 0"),
        ("audio.min_seconds", float("inf"), "audio.min_seconds: expected a number such as 0"),
        ("audio.min_seconds", 2e4, "max_seconds: expected `min_seconds`, 20000, or more, found 1"),
        ("audio.max_seconds", 0.2, "max_seconds: expected `min_seconds`, 0.25, or more, found 0.2"),
        ("run.corpora", [], "run.corpora: expected 1 or more entries"),
        ("audio.max_seconds", "1e3", "a number such as 0.001 (to YAML, 1e-3 is text), found '1e3'"),
        ("corpora.Mine", {}, "corpora.Mine.format: missing"),
        ("corpora.demo.format", "asvspoof1999", "corpora.demo.format: expected 'asvspoof2019_la'"),
        ("run.experiments", [], "run.experiments: expected 1 or more entries"),
        ("views.My_view", [{"step": "trim"}], "views.My_view: expected small letters, digits"),
        ("run.experiments", "one", "run.experiments: expected a list, found 'one'"),
        ("run.comparisons", [["one", "one"]], "run.comparisons.0: expected no entry twice"),
        ("run.comparisons", [["one"]], "run.comparisons.0: expected 2 or more entries"),
        ("experiments.logistic", {"seed": 1}, "experiments.logistic.features: missing"),
        ("experiments.contrast.model.kind", "x", "model.kind: expected one of 'logistic', 'con"),
        (
            "experiments.prototype.model.C",
            [0],
            "model.C.0: expected more than 0, found 0",
        ),
        ("experiments.prototype.features", {}, "features: expected `spectral` or `layers` or both"),
        ("experiments.prototype.features.layers", "x", "'each' or 'all' or a list, found 'x'"),
        ("experiments.prototype.features.layers", ["a"], "layers.0: expected a whole number, f"),
        ("experiments.prototype.features.pooling", ["none"], "pooling.0: expected 'mean', 'std' "),
        ("protocols.prototype.test_fraction", 1, "test_fraction: expected less than 1, found 1"),
        ("protocols.official.choose", "eval", "official: expected three partitions, `fit`, `choos"),
        (
            "protocols.official.fit",
            "trian",
            "official.fit: expected 'train', 'dev', 'eval' or",
        ),
        ("protocols.speaker_folds.partitions", ["d"], "partitions.0: expected 'train', 'dev', 'e"),
    ],
)
def test_a_mistake_is_one_line_with_its_key(changed: str, value: object, expected: str):
    config = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    *sections, last = changed.split(".")
    section = config
    for name in sections:
        section = section.setdefault(name, {})
    section[last] = value
    with pytest.raises(UserError, match=re.escape(expected)) as raised:
        Config.of(config)
    assert str(raised.value).startswith("configuration, ")
    assert str(raised.value).endswith("; config/README.md explains every key")
    assert "\n" not in str(raised.value)


def every_kind() -> dict[str, Any]:
    """A configuration that has every key at least once, those with defaults written out."""
    values = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    named = {"protocol": "official", "seed": 1}
    first, second = values["run"]["experiments"][:2]
    values["run"]["ablations"] = {"reference": first, "rows": {first: "a", second: "b"}}
    values["protocols"]["random"] = {"kind": "random", "partition": "dev", "test_fraction": 0.2}
    published = {"published": {"model": {"kind": "published", "id": "x"}, **named}}
    values["experiments"] = published | values["experiments"]
    values["views"]["every"] = [
        {"step": "band", "low_hz": 300, "high_hz": 3400},
        {"step": "noise", "colour": "pink", "snr_db": 10},
        {"step": "reverberation", "rt60_seconds": 1},
        {"step": "rawboost", "algorithm": "series"},
        *({"step": "codec", "codec": codec} for codec in ("mp3", "opus", "aac", "g722")),
    ]
    for codec in values["views"]["every"][4:7]:
        codec["bit_rate"] = 32_000
    written = Config.of(values).model_dump(mode="json")
    del written["experiments"]["published"]["features"]  # it may have none
    return written


def places(part: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple, FieldInfo]]:
    """Every key below a part of the configuration, and its definition."""
    if isinstance(part, Section):
        for name, field in type(part).model_fields.items():
            yield (*at, name), field
            yield from places(getattr(part, name), (*at, name))
    elif isinstance(part, dict | tuple):
        for name, item in part.items() if isinstance(part, dict) else enumerate(part):
            yield from places(item, (*at, name))


WRONG = [
    *(float("nan"), float("inf"), -float("inf"), -1, 0, 0.5, 1e12, -1e12, 10**9, True, None),
    *("", "no such thing", "\x1b[2J\n", [], [[]], [None], {}, {"x": 1}, datetime.date(2026, 1, 1)),
]


def test_every_key_refuses_what_its_type_does_in_one_line_that_names_it():
    values, refused = every_kind(), set()
    once = {id(field): (place, field) for place, field in places(Config.of(values))}
    for place, field in once.values():
        own = TypeAdapter(Annotated[field.annotation, None, *field.metadata])
        *sections, last = place
        # What a published detector must not have is found first; no kind means logistic.
        named = place[:2] if "published" in place else place
        for wrong in [value for value in WRONG if (last, value) != ("model", {})]:
            try:
                own.validate_python(wrong)
                continue
            except ValidationError:
                pass
            changed = section = copy.deepcopy(values)
            for name in sections:
                section = section[name]
            section[last] = wrong
            with pytest.raises(UserError) as raised:
                Config.of(changed)
            said = str(raised.value)
            assert said.startswith(f"configuration, {'.'.join(map(str, named))}"), (place, wrong)
            assert said.isprintable(), said
            refused.add((last, repr(wrong)))
    names = {name for name, _ in definitions()} | {"run", "corpora", "experiments", "views"}
    assert {name for name, _ in refused} >= names
    assert len(refused) > 900


def test_what_is_fitted_and_tested_where_follows_from_the_partitions_there():
    values = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    values["run"] |= {"experiments": ["layer_trimmed", "finetune_top1", "layer_speaker_folds"]}
    values["run"] |= {"corpora": ["demo"], "comparisons": [], "bundles": [], "views": ["inverted"]}
    values["experiments"]["layer_speaker_folds"]["corpora"] = ["demo"]
    for name, layout in (("fitted", "csv"), ("other", "folder"), ("mine", "recordings")):
        values["corpora"][name] = {"format": layout, "root": name}
    present = {"demo": {"train", "dev", "eval"}, "fitted": {"train", "dev"}, "other": {"none"}}
    present["mine"] = {"none"}
    scope = Plan(Config.of(values), present)
    official = ["layer_trimmed", "finetune_top1"]
    assert scope.trained == {
        "demo": [*official, "layer_speaker_folds"],
        "fitted": official,
        "other": [],
        "mine": [],
    }
    assert scope.reported == scope.trained | {"fitted": []}
    assert scope.partitions["demo", "layer_speaker_folds"]["dev"] == ["dev", "eval", "train"]
    elsewhere = {"other": ["none"], "mine": ["none"]}
    assert scope.targets["fitted", "layer_trimmed"] == {"demo": ["eval"]} | elsewhere
    assert scope.targets["fitted", "finetune_top1"] == {}
    assert scope.view_splits == {
        "demo": {"inverted": ["dev", "eval", "train"], "trimmed": ["dev", "eval", "train"]},
        "fitted": {"trimmed": ["dev", "train"]},
        "other": {"inverted": ["none"], "trimmed": ["none"]},
        "mine": {"trimmed": ["none"]},
    }


@pytest.mark.parametrize(
    ("bundles", "heard", "embedded"),
    [
        ([], ["eval"], ["eval"]),
        (["baseline_full"], ["dev", "eval"], ["eval"]),
        (["fusion"], ["dev", "eval"], ["dev", "eval"]),
    ],
)
def test_a_bundle_needs_dev_in_the_tested_views(
    bundles: list[str], heard: list[str], embedded: list[str]
):
    """Dev is embedded there only for a bundle that has an encoder."""
    values = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    values["run"] |= {"experiments": ["baseline_full", "fusion"], "bundles": bundles}
    values["run"] |= {"comparisons": [], "views": ["opus_12k"], "finetuned_views": []}
    scope = Plan(Config.of(values), {"demo": {"train", "dev", "eval"}})
    assert scope.view_splits == {"demo": {"opus_12k": heard}}
    assert scope.embedded_splits == {"demo": {"opus_12k": embedded}}


def test_a_view_of_fine_tuning_that_is_not_defined_is_named():
    values = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    values["run"]["finetuned_views"] = ["invertd"]
    with pytest.raises(UserError, match=r"run\.finetuned_views: invertd is not defined"):
        Config.of(values)


def test_no_large_file_is_tracked_and_versions_agree():
    tracked = [path for path in (REPOSITORY / "resources").rglob("*") if path.is_file()]
    assert tracked
    for path in tracked:
        assert path.stat().st_size <= 12e6, path
    target = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["ruff"]
    assert target["target-version"] == "py311"


def test_the_files_that_pages_name_are_there():
    pages = [
        path for folder in (".", "docs", "config") for path in (REPOSITORY / folder).glob("*.md")
    ]
    named = {
        (page.name, path)
        for page in pages
        for path in re.findall(
            r"\b(?:tests|tools|docs|config|resources)/[\w/.-]+\.(?:md|png|py|yaml|zip)\b",
            page.read_text(),
        )
    }
    assert len(named) > 20
    placeholders = {("CONTRIBUTING.md", "config/FORMAT.yaml")}
    for page, path in named - placeholders:
        assert (REPOSITORY / path).exists(), f"{page} names {path}"


def test_scripts_are_thin():
    scripts = [*REPOSITORY.glob("workflow/scripts/*.py"), *REPOSITORY.glob("tools/*/scripts/*.py")]
    assert len(scripts) > 30
    for path in scripts:
        assert len(path.read_text().splitlines()) <= 60, path.name


def test_the_rules_know_the_versions_of_what_takes_long_to_import():
    """They name them themselves: importing torch and SciPy at every parse would cost seconds."""
    from authenticity.models import finetune
    from authenticity.scoring import splices

    rules = REPOSITORY / "workflow" / "rules"
    named = f'FINETUNE_VERSION = "{finetune.VERSION}"'
    assert named in (rules / "common.smk").read_text()
    assert f'SPLICES_VERSION = "{splices.VERSION}"' in (rules / "splices.smk").read_text()
