"""The workflow as its users run it: from nothing, again, after a crash, and with bad input."""

import json
import os
import re
import shutil
from collections.abc import Callable
from typing import Any

import corpora
import held
import pyarrow.parquet as pq
import pytest
import results_page
from authenticity import tables
from authenticity.files import read_json
from checkout import (
    EXPERIMENTS,
    REPOSITORY,
    Checkout,
    assert_one_line,
    assert_one_line_in,
    assert_refused,
    check_out_for_toys,
    jobs,
    read,
    results_of,
)
from dealt import shard_of

TRIALS = 36
EMBEDDINGS = "results/toy/embeddings/small/clean"


def key_of_shard(shard: str, suffix: str = "") -> str:
    """A new key, of training, that falls into one of two shards."""
    return next(
        key for number in range(1000) if shard_of(key := f"LA_T_77{number:05}{suffix}", 2) == shard
    )


def test_a_run_makes_every_table_and_figure(finished: Checkout):
    results = finished.path / "results" / "toy"
    for name in EXPERIMENTS:
        scores = read(results / "scores" / f"{name}.parquet")
        assert {row["split"] for row in scores} == {"dev", "eval"}
        assert len(scores) == TRIALS * 2 // 3
        auc = results_of(results, name, "toy").reported["roc_auc"]
        assert 0 <= auc.low <= auc.high <= 1
        assert auc.n_bonafide == TRIALS // 6
    for folder in ("spectral/clean", EMBEDDINGS.removeprefix("results/toy/")):
        files = [row["file"] for path in sorted((results / folder).glob("*")) for row in read(path)]
        assert len(files) == len(set(files)) == TRIALS
    header = pq.read_schema(next((results / "spectral/clean").glob("*"))).names
    assert header[:17] == ["file", "label", "centroid", "entropy"] + [
        f"mfcc_{index}" for index in range(13)
    ]


def test_every_value_of_the_run_is_in_one_table_and_on_one_page(finished: Checkout):
    results = finished.path / "results"
    table = read(results / "results.parquet")
    parts = [
        row for name in EXPERIMENTS for row in read(results / f"toy/metrics/{name}/toy.parquet")
    ]
    assert len(table) == len(parts)
    assert all(row in table for row in parts)
    page = results_page.page(results)
    for row in json.loads((results / "headline.json").read_text()):
        auc = row["roc_auc"]
        value = results_of(results / "toy", row["name"], "toy").reported["roc_auc"]
        assert auc == {end: getattr(value, end) for end in auc}
        assert f"| {row['name']} | {auc['value']:.4f} ({auc['low']:.4f} to" in page
    assert "| fit | 2 |" in page


def test_what_is_scored_without_silence_is_held_against_an_audit_without_silence(
    make_checkout: Callable[..., Checkout],
):
    trims = EXPERIMENTS["spectral"] | {"features": {"spectral": "standard", "view": "trimmed"}}
    checkout = make_checkout()
    checkout.configure(
        experiments={"spectral": EXPERIMENTS["spectral"], "trims": trims},
        run={"corpora": ["toy"], "experiments": ["spectral", "trims"], "views": []},
    )
    plan = checkout.run("--dry-run", "--quiet", "host").stdout
    assert jobs(plan)["audit"] == 2
    audits = [f"results/toy/audit/{view}.json" for view in ("clean", "trimmed")]
    for page, wanted in (
        *(("tables/trust", audits), ("tables/audit", audits)),
        *(("cards/spectral", audits[:1]), ("cards/trims", audits[1:])),
    ):
        (made,) = re.findall(rf"    input: (.*)\n    output: .*{page}.html", plan)
        assert [path for path in made.split(", ") if "/audit/" in path] == wanted


def test_controls_stand_last_and_shuffled_labels_make_one(make_checkout: Callable[..., Checkout]):
    plain = EXPERIMENTS["spectral"]
    checkout = make_checkout()
    names = ["held", "shuffled", "spectral"]
    checkout.configure(
        experiments={
            "held": plain | {"control": True},
            "shuffled": plain | {"shuffle_labels": True},
            "spectral": plain,
        },
        run={"corpora": ["toy"], "experiments": names, "views": []},
    )
    plan = checkout.run("--dry-run", "--quiet", "host").stdout
    ordered = [
        f"results/toy/metrics/{name}/toy.parquet" for name in ("spectral", "held", "shuffled")
    ]
    for output in ("tables/headline.html", "tables/trust.html", "results/opening.html"):
        (made,) = re.findall(rf"    input: (.*)\n    output: .*{output}", plan)
        assert [path for path in made.split(", ") if "/metrics/" in path] == ordered


def test_what_becomes_a_control_is_not_fitted_again(resumed_from: Checkout):
    control = EXPERIMENTS["spectral"] | {"control": True}
    resumed_from.configure(experiments={**EXPERIMENTS, "spectral": control})
    plan = jobs(resumed_from.run("--dry-run").stdout)
    assert plan["evaluate"] == 1
    assert not {"extract", "fit"} & plan.keys()


def test_experiments_in_another_order_only_have_their_pages_made_anew(resumed_from: Checkout):
    names = list(EXPERIMENTS)
    run = {"corpora": ["toy"], "experiments": names[::-1], "bundles": names, "views": []}
    resumed_from.configure(run=run)
    plan = jobs(resumed_from.run("--dry-run").stdout)
    assert plan == {"report_corpus": 1, "report_opening": 1, "all": 1}


def test_a_second_run_has_nothing_to_do(finished: Checkout):
    again = finished.run()
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout


@pytest.fixture(scope="module")
def resumed(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A run of the very same corpus on one core, killed on its way and run again, as users do."""
    checkout = check_out_for_toys(tmp_path_factory.mktemp("resumed") / "checkout")
    killed = Checkout(checkout, finished.corpus, as_users=True)
    killed.configure()
    with held.jobs_at_their_end(killed.path / "benchmarks/toy/extract/clean/2-of-2.tsv"):
        killed.run_and_kill(
            (killed.path / "logs/toy/extract/clean/2-of-2.log").exists,
            *("--prioritize", "results/toy/spectral/clean/1-of-2.parquet"),
        )
    assert any((killed.path / ".snakemake" / "locks").iterdir()), "nothing was interrupted"
    assert (killed.path / "results/toy/spectral/clean/1-of-2.parquet").exists()
    result = killed.run("--until", "evaluate", cores=1)
    assert result.returncode == 0, result.stdout
    assert jobs(result.stdout)["extract"] == 1, "of two shards, one was to be left"
    return killed


def test_a_killed_run_resumes_to_the_same_tables(finished: Checkout, resumed: Checkout):
    last = ("/splices/", "results/results.parquet")
    made = {path for path in finished.tables() if not any(part in path for part in last)}
    assert resumed.tables().keys() == made
    assert any("/scores/" in path for path in made)


def test_one_core_gives_the_same_bytes(finished: Checkout, resumed: Checkout):
    """Also after it was killed."""
    expected = finished.tables()
    for path, content in resumed.tables().items():
        assert content == expected[path], path


LOOKS = ("--dry-run", "-pn", "--dag", "--rulegraph", "--list-rules", "--summary", "--report")


def test_a_live_run_is_not_joined_by_a_second_one(resumed_from: Checkout):
    audio = next((resumed_from.corpus / "ASVspoof2019_LA_train" / "flac").iterdir())
    audio.write_bytes(audio.read_bytes())
    shard = shard_of(audio.stem, 2)
    log = resumed_from.path / f"logs/toy/extract/clean/{shard}.log"
    benchmark = resumed_from.path / f"benchmarks/toy/extract/clean/{shard}.tsv"
    for path in (log, benchmark):
        path.unlink()
    looks, second = [], []

    def try_second() -> bool:
        if log.exists():
            looks.extend(map(resumed_from.run, LOOKS))
            second.append(resumed_from.run())
        return bool(second)

    with held.jobs_at_their_end(benchmark):
        resumed_from.run_and_kill(try_second)
    for option, look in zip(LOOKS, looks, strict=True):
        assert look.returncode == 0, look.stdout
        assert not re.search("error|locked|traceback", look.stdout, re.IGNORECASE), look.stdout
        assert "extract" in look.stdout or option == "--report", option
    assert (resumed_from.path / "report.html").exists()
    assert "another run works in this folder: this is what it has left" in looks[0].stdout
    (run,) = second
    assert run.returncode != 0
    assert_one_line_in(run.stdout, "another run works in this folder")


def test_a_damaged_shard_stops_the_run_and_is_computed_again(resumed_from: Checkout):
    before = resumed_from.tables()
    path = resumed_from.path / EMBEDDINGS / "2-of-2.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    result = resumed_from.run()
    assert result.returncode != 0
    assert "Traceback" not in result.stdout
    (line,) = [line for line in result.stdout.splitlines() if " error: " in line]
    assert f"{EMBEDDINGS}/2-of-2.parquet: not a readable table" in line
    assert line.endswith("delete it and run the same command again")
    path.unlink()
    assert resumed_from.run("--until", "fit").returncode == 0
    assert resumed_from.tables() == before


def add_clip(checkout: Checkout, shard: str) -> str:
    """Add a clip to train that belongs to a shard; return its key."""
    key = key_of_shard(shard)
    protocol = checkout.corpus / corpora.PROTOCOLS / "ASVspoof2019.LA.cm.train.trn.txt"
    with protocol.open("a") as lines:
        lines.write(f"LA_0000 {key} - - bonafide\n")
    audio = checkout.corpus / "ASVspoof2019_LA_train" / "flac" / f"{key}.flac"
    audio.write_bytes(corpora.encoded(corpora.voice(5, spoof=False)))
    return key


def test_one_more_file_computes_one_row(resumed_from: Checkout):
    before = resumed_from.tables()
    key = add_clip(resumed_from, "2-of-2")
    result = resumed_from.run("--until", "embed")
    assert result.returncode == 0, result.stdout
    counts = jobs(result.stdout)
    assert (counts["extract"], counts["embed"]) == (1, 1)
    for table in ("spectral/clean", EMBEDDINGS):
        assert re.search(rf"{table}/2-of-2.parquet: \d+ clips, 1 computed", result.stdout)
    after = resumed_from.tables()
    for path, content in before.items():
        of_all = ("manifest", "trials.parquet", "fingerprints")
        unchanged = not any(part in path for part in ("2-of-2", *of_all))
        assert (after[path] == content) == (unchanged or "rejected" in path), path
    files = [row["file"] for row in read(resumed_from.path / EMBEDDINGS / "2-of-2.parquet")]
    assert key in files
    assert files == sorted(files)


def test_a_sample_says_once_how_many_layers_are_embedded(resumed_from: Checkout):
    each = EXPERIMENTS["layers"] | {"features": {"layers": "each", "pooling": ["mean"]}}
    resumed_from.configure(encoder={"layers": "auto"}, experiments=EXPERIMENTS | {"layers": each})
    result = resumed_from.run("--until", "report_experiment", "report_chosen_experiment")
    assert result.returncode == 0, result.stdout
    assert jobs(result.stdout)["embed"] == 2
    assert "extract" not in jobs(result.stdout)
    results = resumed_from.path / "results"
    found = read_json(results / "toy/layers.json")
    kept = found["needed"]
    assert found["experiments"].keys() == {"layers"}
    assert len(found["experiments"]["layers"]["roc_auc"]) == 7
    assert found["clips"] == 24  # all of train and dev
    assert kept == found["experiments"]["layers"]["needed"] < 6
    embeddings = results / "toy/embeddings/small--auto-layers/clean/1-of-2.parquet"
    names = [name for name in read(embeddings)[0] if name.startswith("mean_")]
    assert names == [f"mean_{layer}" for layer in range(kept + 1)]
    candidates = read_json(results / "toy/models/layers.json")["selection"]
    assert [each["candidate"] for each in candidates] == [f"layer_{n}" for n in range(kept + 1)]
    assert f"0 to {kept} of 0 to 6: on dev" in (results / "toy/cards/layers.md").read_text()

    add_clip(resumed_from, "2-of-2")
    again = resumed_from.run("--until", "fit")
    assert again.returncode == 0, again.stdout
    assert jobs(again.stdout)["embed"] == 1
    asks = {"sample", "encoder", "cut_encoder"}
    assert not asks & jobs(again.stdout).keys()

    def plan_with(**sections: dict) -> dict[str, int]:
        entries = {"layers": each, "spectral": EXPERIMENTS["spectral"]}
        resumed_from.configure(
            encoder={"layers": "auto"},
            **{"experiments": entries, "audio": {"min_seconds": 0.3}, **sections},
        )
        return jobs(resumed_from.run("--dry-run").stdout)

    assert not asks & plan_with().keys()  # other limits
    other_c = each | {"model": {"C": [0.1], "folds": 3}}
    assert not asks & plan_with(experiments=EXPERIMENTS | {"layers": other_c}, audio={}).keys()
    # A choice for another experiment, although what the sample is drawn from is made anew as well.
    other_pooling = each | {"features": {"layers": "each", "pooling": ["std"]}}
    plan = plan_with(experiments=EXPERIMENTS | {"layers": other_pooling})
    assert asks <= plan.keys()
    assert plan["extract"] == plan["embed"] == 2
    (results / "toy/layers.json").unlink()
    assert asks - {"encoder"} <= plan_with(audio={}).keys()


def test_a_changed_window_and_one_more_file_are_heeded_together(resumed_from: Checkout):
    add_clip(resumed_from, "2-of-2")
    resumed_from.configure(encoder={"window_seconds": 20})
    plan = jobs(resumed_from.run("--dry-run").stdout)
    assert plan["extract"] == 1
    assert plan["embed"] == 2


def test_both_tables_of_a_shard_are_of_the_same_clips(resumed_from: Checkout):
    """A copy that keeps size and time, as those of backups, does not show in the manifest."""
    first, other = sorted((resumed_from.corpus / "ASVspoof2019_LA_train" / "flac").iterdir())[:2]
    times = first.stat()
    first.write_bytes(other.read_bytes()[: times.st_size].ljust(times.st_size, b"\0"))
    os.utime(first, ns=(times.st_atime_ns, times.st_mtime_ns))
    for path in resumed_from.path.glob("results/toy/embeddings/*/clean/*.parquet"):
        path.unlink()
    result = resumed_from.run("--until", "embed")
    assert result.returncode == 1
    assert f"{first}: changed after its spectral numbers were computed" in result.stdout
    first.touch()
    assert resumed_from.run("--until", "embed").returncode == 0


def test_a_touched_file_computes_nothing(resumed_from: Checkout):
    before = resumed_from.tables()
    audio = next((resumed_from.corpus / "ASVspoof2019_LA_train" / "flac").iterdir())
    audio.write_bytes(audio.read_bytes())
    result = resumed_from.run("--until", "verify")
    assert result.returncode == 0, result.stdout
    assert jobs(result.stdout)["extract"] == 1
    assert " 0 computed" in result.stdout
    after = resumed_from.tables()
    # The file's time stands in the manifest, and in what is taken from it.
    assert {path for path in before if before[path] != after[path]} == {
        "results/toy/manifest.parquet",
        "results/toy/trials.parquet",
        f"results/toy/lists/clean/{shard_of(audio.stem, 2)}.parquet",
    }


def test_other_limits_recompute_nothing_that_still_meets_them(resumed_from: Checkout):
    before = resumed_from.tables()
    resumed_from.configure(audio={"max_megabytes": 2, "min_seconds": 0.65, "max_rejected": 1})
    result = resumed_from.run("--until", "verify")
    assert result.returncode == 0, result.stdout
    assert result.stdout.count(" 0 computed") == 2
    verified = json.loads((resumed_from.path / "results/toy/verified/clean.json").read_text())
    assert verified["n_rejected"] == 9  # a quarter of the clips lasts 0.6 s
    assert all("too short: 0.600 s" in row["reason"] for row in verified["rejected"])
    resumed_from.configure()
    assert resumed_from.run("--until", "verify").returncode == 0
    assert resumed_from.tables() == before


def test_a_touched_encoder_plans_nothing(resumed_from: Checkout):
    resources = resumed_from.path / "resources"
    resources.unlink()
    shutil.copytree(REPOSITORY / "resources" / "encoders", resources / "encoders")
    (resources / "encoders" / "small" / "model.safetensors").touch()
    assert "Nothing to be done" in resumed_from.run().stdout


def test_embeddings_of_two_precisions_are_never_mixed(resumed_from: Checkout):
    """As on two machines that share a folder, if the second is made to compute otherwise."""
    shards = [resumed_from.path / EMBEDDINGS / f"{number}-of-2.parquet" for number in (1, 2)]
    precision = tables.metadata(shards[0])["precision"]
    former = shards[0].read_bytes()
    other = {"float32": "bfloat16", "bfloat16": "float32"}[precision]
    resumed_from.configure(encoder={"precision": other})
    shards[1].unlink()
    result = resumed_from.run("--until", "embed")
    assert result.returncode == 0, result.stdout
    assert "1-of-2.parquet: 20 clips, 20 computed" in result.stdout
    assert {tables.metadata(path)["precision"] for path in shards} == {other}
    shards[0].write_bytes(former)
    result = resumed_from.run("--until", "fit")
    assert result.returncode != 0
    (line,) = [line for line in result.stdout.splitlines() if " error: " in line]
    assert f"{EMBEDDINGS}/1-of-2.parquet: made by another encoder or in another precision" in line
    assert line.endswith("delete it and run the same command again")
    shards[0].unlink()
    result = resumed_from.run("--until", "fit")
    assert result.returncode == 0, result.stdout


def test_another_number_of_shards_deals_rows_and_computes_none(resumed_from: Checkout):
    before = resumed_from.tables()
    for number, back in ((3, False), (2, True)):
        resumed_from.configure(corpus={"n_shards": number})
        result = resumed_from.run("--until", "embed")
        assert result.returncode == 0, result.stdout
        assert result.stdout.count(" 0 computed") == 2 * number
        assert not any(f"-of-{5 - number}." in path for path in resumed_from.tables())
        assert (resumed_from.tables() == before) == back


def test_a_moved_corpus_computes_nothing(resumed_from: Checkout):
    moved = resumed_from.corpus.rename(resumed_from.corpus.with_name("elsewhere"))
    resumed_from.configure(corpus={"root": str(moved)})
    assert "Nothing to be done" in resumed_from.run().stdout


def test_a_speaker_who_is_not_known_any_more_extracts_nothing(resumed_from: Checkout):
    for protocol in (resumed_from.corpus / corpora.PROTOCOLS).iterdir():
        protocol.write_text(re.sub(r"^LA_..00 ", "unknown ", protocol.read_text(), flags=re.M))
    plan = jobs(resumed_from.run("--dry-run").stdout)
    assert plan["verify"] == 1
    assert plan["fit"]
    assert not {"extract", "encoder"} & plan.keys()


def test_a_changed_grid_refits_and_extracts_nothing(resumed_from: Checkout):
    before = resumed_from.tables()
    changed_grid = EXPERIMENTS["layers"] | {"model": {"C": [0.5], "folds": 3}}
    resumed_from.configure(experiments={**EXPERIMENTS, "layers": changed_grid})
    plan = jobs(resumed_from.run("--dry-run").stdout)
    assert plan["fit"] == 1
    assert not {"extract", "verify", "encoder"} & plan.keys()
    result = resumed_from.run("--until", "fit")
    assert result.returncode == 0, result.stdout
    changed = {path for path, content in resumed_from.tables().items() if before[path] != content}
    assert changed
    assert all(path.endswith("/layers.parquet") for path in changed)


def test_a_corrupted_clip_is_set_aside_and_named(resumed_from: Checkout):
    audio = sorted((resumed_from.corpus / "ASVspoof2019_LA_train" / "flac").iterdir())[3]
    content = bytearray(audio.read_bytes())
    content[len(content) // 2 :] = b"\x55" * (len(content) - len(content) // 2)
    audio.write_bytes(content)
    result = resumed_from.run("--", "results/toy/tables/rejected.html")
    assert result.returncode == 0, result.stdout
    verified = json.loads((resumed_from.path / "results/toy/verified/clean.json").read_text())
    assert verified["n_rejected"] == 1
    assert verified["n_accepted"] == TRIALS - 1
    (rejected,) = verified["rejected"]
    assert rejected["file"] == audio.stem
    assert audio.name in rejected["reason"]
    assert audio.name in (resumed_from.path / "results/toy/tables/rejected.html").read_text()


def test_too_many_bad_clips_stop_the_run_and_lose_nothing(resumed_from: Checkout):
    empty, text, *_ = sorted((resumed_from.corpus / "ASVspoof2019_LA_train" / "flac").iterdir())
    empty.write_bytes(b"")
    text.write_text("this is text, not sound")
    result = resumed_from.run("--until", "verify")
    assert result.returncode != 0
    (line,) = [line for line in result.stdout.splitlines() if "audio.max_rejected" in line]
    assert "2 of 36 clips" in line
    assert "Traceback" not in result.stdout
    resumed_from.configure(audio={"max_rejected": 0.1})
    again = resumed_from.run("--until", "verify")
    assert again.returncode == 0, again.stdout
    assert "extract" not in jobs(again.stdout)


def without(files: dict[str, bytes], part: str) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if part not in path}


def with_line(files: dict[str, bytes], line: str) -> dict[str, bytes]:
    path = f"{corpora.PROTOCOLS}/ASVspoof2019.LA.cm.dev.trl.txt"
    return files | {path: files[path] + line.encode() + b"\n"}


EVAL_PROTOCOL = f"{corpora.PROTOCOLS}/ASVspoof2019.LA.cm.eval.trl.txt"

BAD_CORPORA = {
    "missing protocol": (lambda files: without(files, "cm.dev.trl"), "no such protocol"),
    "missing audio folder": (lambda files: without(files, "LA_dev/"), "ASVspoof2019_LA_dev/flac"),
    "not a corpus": (lambda files: {"readme.txt": b"hello"}, "ASVspoof2019_LA_cm_protocols"),
    "wrong number of fields": (
        lambda files: with_line(files, "LA_0100 LA_D_1 bonafide"),
        "line 13: expected 5 fields",
    ),
    "unknown label": (
        lambda files: with_line(files, "LA_0100 LA_D_1 - - genuine"),
        "unknown label 'genuine'",
    ),
    "label against attack": (
        lambda files: with_line(files, "LA_0100 LA_D_1 - A01 bonafide"),
        "line 13: expected the attack -",
    ),
    "duplicate key": (
        lambda files: with_line(files, "LA_0100 LA_D_1000000 - - bonafide"),
        "LA_D_1000000 is listed twice",
    ),
    "one class only": (
        lambda files: files | {EVAL_PROTOCOL: b"LA_02 LA_E_1000000 - - bonafide\n"},
        "split eval, used as eval: 1 bona fide and 0 spoof",
    ),
}


@pytest.mark.parametrize("name", BAD_CORPORA)
def test_a_bad_corpus_is_one_clear_line(name: str, make_checkout: Callable[..., Checkout]):
    spoil, expected = BAD_CORPORA[name]
    checkout = make_checkout(files=spoil(corpora.asvspoof2019_la()))
    assert_refused(checkout, expected)


WITH_LAYER_7 = EXPERIMENTS["layers"] | {"features": {"layers": [7]}}


def training(unfrozen: int, layers: str | list[int]) -> dict[str, Any]:
    model = {"kind": "finetune", "unfrozen": unfrozen, "seeds": [1]}
    changed = EXPERIMENTS["layers"] | {"features": {"layers": layers}, "model": model}
    run = {"corpora": ["toy"], "experiments": ["layers"], "views": [], "bundles": []}
    return {"run": run, "experiments": {"layers": changed}}


BAD_CONFIGURATIONS = {
    "missing root": ({"corpus": {"root": "nowhere"}}, "nowhere: no such corpus root"),
    "unknown key": ({"audio": {"min_second": 1}}, "audio.min_second: unknown key"),
    "not a hub name": ({"encoder": {"model": "my encoders/small"}}, "neither a folder nor a name"),
    "layers in another word": (
        {"encoder": {"layers": "all"}},
        "encoder.layers: expected 'auto' or a whole number, found 'all'",
    ),
    "unknown experiment": (
        {"run": {"corpora": ["toy"], "experiments": ["magic"]}},
        "run.experiments: magic is not defined",
    ),
    "no such encoder": (
        {"encoder": {"model": "resources/encoders/none"}},
        "resources/encoders/none: no such encoder folder",
    ),
    "layer beyond the last": (
        {"experiments": EXPERIMENTS | {"layers": WITH_LAYER_7}},
        "has the layers 0 to 6, found 7",
    ),
    "one layer beyond the last to train": (training(1, [6, 7]), "has the layers 0 to 6, found 7"),
    "more layers to train than are kept": (
        training(2, [6, 1]),
        "experiment layers: the last 2 of the first 1 layers cannot be fine-tuned",
    ),
    "more layers to train than there are": (
        training(7, "last"),
        "experiment layers: the last 7 of the first 6 layers cannot be fine-tuned",
    ),
    "no layer to train": (
        training(0, "last"),
        "model.unfrozen: expected 1 or more, found 0",
    ),
    "a comparison on different trials": (
        {
            "run": {"experiments": list(EXPERIMENTS), "comparisons": [list(EXPERIMENTS)]}
            | {"corpora": ["toy"], "bundles": [], "views": []},
            "experiments": EXPERIMENTS | {"layers": EXPERIMENTS["layers"] | {"protocol": "turned"}},
            "protocols": {
                "turned": {"kind": "partitions", "fit": "train", "choose": "eval", "report": "dev"}
            },
        },
        "corpus toy: spectral and layers are reported on different trials and cannot be compared",
    ),
    "layers that no sample says": (
        {"encoder": {"layers": "auto"}},
        "experiments.layers: with `encoder.layers: auto`",
    ),
}


@pytest.mark.parametrize("name", BAD_CONFIGURATIONS)
def test_a_bad_configuration_is_one_clear_line(name: str, make_checkout: Callable[..., Checkout]):
    change, expected = BAD_CONFIGURATIONS[name]
    checkout = make_checkout()
    checkout.configure(**change)
    assert_refused(checkout, expected)


def test_a_hub_without_a_network_is_one_clear_line_of_the_command(
    make_checkout: Callable[..., Checkout],
):
    checkout = make_checkout()
    checkout.configure(encoder={"model": "facebook/wav2vec2-base-960h"})
    assert_one_line(checkout, "facebook/wav2vec2-base-960h: not in the local model cache")


def test_a_bad_corpus_is_one_clear_line_of_the_command(make_checkout: Callable[..., Checkout]):
    checkout = make_checkout(files={"readme.txt": b"hello"})
    assert_one_line(checkout, corpora.PROTOCOLS)
