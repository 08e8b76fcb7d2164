"""The project's own promises: pins agree, every key is explained, plans are readable."""

import re
import tomllib

import pytest
import yaml
from authenticity import planning
from authenticity.errors import UserError
from checkout import REPOSITORY

SCHEMA = REPOSITORY / "workflow" / "schemas" / "config.schema.yaml"


def pins(text: str) -> set[str]:
    return set(re.findall(r"^[A-Za-z0-9_.-]+==[^\s#]+", text, re.MULTILINE))


def test_the_conda_environment_mirrors_the_pins():
    environment = yaml.safe_load((REPOSITORY / "envs" / "authenticity.yaml").read_text())
    (pip,) = [item["pip"] for item in environment["dependencies"] if isinstance(item, dict)]
    assert set(pip) == pins((REPOSITORY / "requirements.txt").read_text())


def test_everything_is_pinned_and_torch_to_its_version():
    for name in ("requirements.txt", "requirements-test.txt"):
        lines = (REPOSITORY / name).read_text().splitlines()
        wanted = [line for line in lines if line.strip() and not line.startswith("#")]
        assert len(pins("\n".join(wanted))) == len(wanted), name
    assert "torch==2.13.0" in pins((REPOSITORY / "requirements.txt").read_text())
    asked = "".join(path.read_text() for path in sorted(REPOSITORY.glob("requirements*.in")))
    assert "snakemake" in asked and "librosa" in asked
    pinned = {
        pin.split("==")[0].lower().replace("_", "-")
        for pin in pins((REPOSITORY / "requirements.txt").read_text())
    }
    for name in re.findall(r"^([a-z0-9-]+)", asked, re.MULTILINE):
        assert name in pinned


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


def test_every_key_is_explained():
    builders = (REPOSITORY / "tools").glob("*/config.schema.yaml")
    places = [(SCHEMA, REPOSITORY / "config"), *((path, path.parent) for path in builders)]
    assert len(places) == 3
    for schema, folder in places:
        explained = (folder / "README.md").read_text()
        for key in keys(yaml.safe_load(schema.read_text())):
            assert f"`{key}`" in explained, key


@pytest.mark.parametrize("overlay", ["asvspoof2019_la"])
def test_overlays_are_valid(overlay: str):
    config = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    changes = yaml.safe_load((REPOSITORY / "config" / f"{overlay}.yaml").read_text())
    for section, values in changes.items():
        config[section] |= values
    planning.validate(config, SCHEMA)


def test_defaults_are_filled_in():
    config = {
        "run": {"corpora": ["mine"], "experiments": ["one"]},
        "corpora": {"mine": {"format": "asvspoof2019_la", "root": "x"}},
        "protocols": {"p": {"kind": "random", "partition": "dev", "test_fraction": 0.2}},
        "experiments": {"one": {"features": {"layers": "last"}, "protocol": "p", "seed": 1}},
    }
    planning.validate(config, SCHEMA)
    assert config["audio"]["max_rejected"] == 0.01
    assert config["encoder"]["precision"] == "auto"
    assert config["protocols"]["p"]["folds"] == "speaker"
    assert config["experiments"]["one"]["features"]["spectral"] == "none"


def test_an_experiment_without_features_is_refused():
    config = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    config["experiments"]["baseline_layer"]["features"] = {"pooling": ["mean"]}
    with pytest.raises(UserError, match=r"experiments\.baseline_layer\.features"):
        planning.validate(config, SCHEMA)


def test_no_large_file_is_tracked_and_versions_agree():
    tracked = [path for path in (REPOSITORY / "resources").rglob("*") if path.is_file()]
    assert tracked
    for path in tracked:
        assert path.stat().st_size <= 12e6, path
    target = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["ruff"]
    assert target["target-version"] == "py311"


def test_scripts_are_thin():
    scripts = [*REPOSITORY.glob("workflow/scripts/*.py"), *REPOSITORY.glob("tools/*/scripts/*.py")]
    assert len(scripts) > 30
    for path in scripts:
        assert len(path.read_text().splitlines()) <= 60, path.name


def test_the_rules_know_the_version_of_fine_tuning():
    """They name it themselves: importing it at every parse would cost torch's seconds."""
    from authenticity.models import finetune

    rules = (REPOSITORY / "workflow" / "rules" / "common.smk").read_text()
    assert f'FINETUNE_VERSION = "{finetune.VERSION}"' in rules
