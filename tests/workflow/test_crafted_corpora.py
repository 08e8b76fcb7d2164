"""Corpora with known defects go through the real workflow, which has to find and name them."""

import functools
import json
from collections.abc import Callable

import corpora
import numpy as np
import pytest
from authenticity.config import view
from authenticity.features import views
from checkout import Checkout, check_out_for_toys, results_of

SPECTRAL = {"spectral": "standard"}
TRIMMED = {"features": {**SPECTRAL, "view": "trimmed"}}
EXPERIMENT = {
    "features": SPECTRAL,
    "model": {"C": [1], "folds": 2},
    "protocol": "official",
    "seed": 1,
}
PER_SPLIT = 8


def clips(change: Callable[[np.ndarray, bool], np.ndarray] = lambda samples, spoof: samples):
    """Yield name, split, whether spoof, speaker and samples of clips without a defect."""
    for number, split in enumerate(("train", "dev", "eval")):
        for index in range(PER_SPLIT):
            spoof = index % 2 == 1
            samples = corpora.voice(100 * number + index, spoof, 1.0)
            name, speaker = f"{split}_{index}.wav", f"s{number}{index // 2 % 3}"
            yield name, split, spoof, speaker, change(samples, spoof)


def own_csv(rows) -> dict[str, bytes]:
    """A user's table in CSV, and its clips."""
    lines, files = ["path,label,split,speaker,attack"], {}
    for name, split, spoof, speaker, samples in rows:
        kind = "spoof" if spoof else "bonafide"
        lines.append(f"{name},{kind},{split},{speaker},{'tts' if spoof else '-'}")
        files[name] = corpora.encoded(samples, format="WAV")
    return files | {"clips.csv": corpora.text(lines)}


def leaking() -> dict[str, bytes]:
    """A speaker "unknown" in train and eval, and two bona fide clips of train again in eval.

    One is the same file, one went through MP3 at half the level.
    """
    rows = {row[0]: list(row) for row in clips()}
    for name in ("train_0.wav", "eval_0.wav"):
        rows[name][3] = "unknown"
    mp3 = view([{"step": "codec", "codec": "mp3", "bit_rate": 64_000}])
    again = views.apply(0.5 * rows["train_4.wav"][4], mp3, "crafted")
    copies = {"copy.wav": rows["train_2.wav"][4], "encoded_again.wav": again}
    for name, samples in copies.items():
        rows[name] = [name, "eval", False, "s29", samples]
    return own_csv(rows.values())


def shortcut() -> dict[str, bytes]:
    """Bona fide clips begin with silence, and so are longer."""
    silence = np.zeros(int(0.4 * corpora.RATE), np.float32)
    return own_csv(
        clips(lambda samples, spoof: np.append(silence[spoof * len(silence) :], samples))
    )


def both_words() -> dict[str, bytes]:
    """Folders that call one clip both human and spoof."""
    return corpora.folder() | {"spoof/xtts/human/two.wav": corpora.clip(9, True)}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable:
    """Return a function that runs the workflow on a crafted corpus, once for each, in one folder.

    The corpora share the encoder, which is loaded and identified once.
    """
    base = tmp_path_factory.mktemp("crafted")
    folder = check_out_for_toys(base / "checkout")

    @functools.cache
    def once(name: str) -> tuple:
        make, form = CORPORA[name]
        checkout = Checkout(folder, corpora.write_folder(make(), base / name))
        experiments = {"plain": EXPERIMENT, "trimmed": EXPERIMENT | TRIMMED}
        names = ["plain", "trimmed"] if name == "shortcut" else ["plain"]
        corpus = {"format": form, "root": str(checkout.corpus), "n_shards": 1, "duplicates": "keep"}
        checkout.configure(
            corpora={name: corpus},
            run={"corpora": [name], "experiments": names, "views": []},
            experiments={name: experiments[name] for name in names},
        )
        pages = ("trust.json", "headline.html")
        result = checkout.run("--", *(f"results/{name}/tables/{page}" for page in pages))
        return result, checkout.path / "results" / name

    return once


CORPORA = {
    "leaking": (leaking, "csv"),
    "shortcut": (shortcut, "csv"),
    "both_words": (both_words, "folder"),
}


def leak(results) -> dict:
    return results_of(results, "plain", results.name).leak


def check(results, experiment: str, name: str) -> dict:
    rated = json.loads((results / "tables/trust.json").read_text())["experiments"]
    (item,) = [item for item in rated if item["name"] == experiment]
    (found,) = [check for check in item["checks"] if check["name"] == name]
    return found


def unknown_speaker(result, results):
    assert leak(results)["speakers"]["train_eval"] == 0
    assert leak(results)["unknown_speakers"] == 2
    words = "2 clips of its protocol without a known speaker"
    assert words in (results / "tables/headline.html").read_text()


def duplicate(result, results):
    assert leak(results)["duplicates"]["train_eval"] == 1
    assert check(results, "plain", "Leak")["status"] == "do not trust"


def encoded_again(result, results):
    assert leak(results)["near_duplicates"] == {"train_eval": 1, "dev_eval": 0, "train_dev": 0}
    assert "1 near-duplicate clip" in check(results, "plain", "Leak")["sentence"]


def silence_and_duration(result, results):
    found = check(results, "plain", "Shortcuts")
    assert "Duration" in found["sentence"]
    assert "Leading silence" in found["sentence"]
    assert found["status"] != "trust"


def the_view_that_is_scored(result, results):
    found = check(results, "trimmed", "Shortcuts")
    assert "Leading silence" not in found["sentence"]
    audit = json.loads((results / "audit/trimmed.json").read_text())
    properties = audit["splits"]["eval"]["properties"]
    assert properties["leading_silence"]["roc_auc"]["value"] < 0.8
    assert not leak(results)["leaks"]


def words_of_both_classes(result, results):
    assert result.returncode != 0
    lines = [line for line in result.stdout.splitlines() if "spoof/xtts/human/two.wav" in line]
    assert len(lines) == 1
    assert "Traceback" not in result.stdout
    assert not (results / "manifest.parquet").exists()


@pytest.mark.parametrize(
    ("corpus", "defect"),
    [
        ("leaking", unknown_speaker),
        ("leaking", duplicate),
        ("leaking", encoded_again),
        ("shortcut", silence_and_duration),
        ("shortcut", the_view_that_is_scored),
        ("both_words", words_of_both_classes),
    ],
)
def test_a_crafted_defect_is_found_by_the_whole_workflow(run, corpus, defect):
    result, results = run(corpus)
    if corpus != "both_words":
        assert result.returncode == 0, result.stdout
    defect(result, results)
