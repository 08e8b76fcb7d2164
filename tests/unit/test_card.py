"""Model cards: every number is the run's, in the page and in its Markdown alike."""

import re
from html import unescape

import pytest
import run_files as run
from authenticity import benchmarks, card, trust
from authenticity.card import Table
from authenticity.html import render


def facts(item=None, elsewhere=(), spent=(), model=None, heard=True, sample=None):
    item = item or run.tested()
    evidence = trust.Evidence(item, run.audit(), run.verified())
    return card.Facts(
        item=item,
        verified=run.verified(),
        judged=trust.judge(evidence) if item.reported else None,
        model=model or run.model(),
        elsewhere=elsewhere,
        encoder=run.encoder() if heard else None,
        sample=sample,
        versions={"features": "spectral 1", "numpy": "2.3"},
        spent=spent,
    )


def text(found):
    return card.pages(found)[1]


def test_a_card_has_the_headings_of_mitchell_et_al():
    headings = re.findall(r"^## (.*)", text(facts()), re.MULTILINE)
    assert headings == [
        "Model details",
        "Intended use",
        "Factors",
        "Metrics",
        "Evaluation data",
        "Training data",
        "Quantitative analyses",
        "Limits, biases and recommendations",
        "Time and memory spent",
    ]


def test_page_and_markdown_say_the_same():
    page, markdown = card.pages(facts(run.tested(views={"trimmed": 0.92})))
    plain = unescape(re.sub(r"<[^>]*>", " ", page.partition("<body>")[2]))
    assert set(re.findall(r"\w+", plain)) == set(re.findall(r"\w+", markdown))


def test_figures_counts_and_settings_are_the_runs():
    said = text(facts(run.tested(views={"trimmed": 0.92, "noise_10db": 0.7})))
    assert "0.9300 (0.9200 to 0.9350)" in said
    assert "layer_3, mean and standard deviation over time, C = 0.01" in said
    assert "slope 0.91, offset -0.12, prior of spoof 0.55" in said
    assert "Threshold 0.31, EER on dev (100 bona fide, 120 spoof)" in said
    assert "| all | 160 | 316 | 5 folds by trial |" in said
    assert said.index("| silence trimmed | 0.9200") < said.index("| noise 10 dB | 0.7000")
    assert said.index("| A07 | 150") < said.index("| A08 | 150")
    assert "bfloat16" in said
    assert "resources/encoders/small/LICENSE" in said
    assert "No benchmark" in said


def test_limits_are_the_checks_that_found_something():
    leaking = run.tested(leak=run.leak(speakers=20))
    said = text(facts(leaking))
    assert (
        "Leak (do not trust): layers leaks: in its protocol official, train and eval share" in said
    )
    assert "20 speakers" in said
    assert "Number of speakers (caution): 3 bona fide and 12 spoof speakers" in said
    assert "(trust):" not in said


def test_another_corpus_and_its_leak_are_told():
    other = run.tested(auc=0.6, target="wild", leak=run.leak(duplicates=2))
    said = text(facts(elsewhere=[run.without("dev", other)]))
    assert "| wild (leaks) | 0.6000" in said
    assert "Other corpora: wild." in said


def test_a_model_without_an_eval_split_of_its_own_has_a_card():
    elsewhere = [run.without("dev", run.tested(auc=0.6, target="wild"))]
    said = text(facts(run.without("eval", run.tested()), elsewhere))
    assert "Rating: none, for the corpus has no eval split of its own" in said
    assert "| dev | 0.9300" in said
    assert "| wild | 0.6000" in said


def test_a_protocol_of_rounds_without_dev_can_be_told():
    rounds = [run.chosen(str(number), C=10.0**-number) for number in range(3)]
    uncalibrated = [item | {"calibration": None} for item in rounds]
    said = text(facts(run.without_dev(chosen=uncalibrated)))
    assert "in 3 of 3 rounds; C = 0.01 to 1" in said
    assert "none: the protocol has no dev split" in said
    assert "3 rounds, each with a model of its own" in said


def test_spectral_experiments_say_nothing_of_an_encoder():
    found = run.tested(chosen=[run.chosen(candidate="spectral") | {"pooling": "none"}])
    assert "Encoder" not in text(facts(found, heard=False))


def test_a_card_says_which_layers_a_sample_has_left():
    layers = {"best": 2, "needed": 1, "roc_auc": [0.7, 0.91, 0.92, 0.9]}
    seconds = {"all": 0.71, "kept": 0.48}
    sample = {"clips": 594, "needed": 2, "experiments": {"layers": layers}, "seconds": seconds}
    said = text(facts(sample=sample))
    assert "of 0 to 3: on dev of a sample of 594 clips layer 2 was best (ROC-AUC 0.9200)" in said
    assert "1 the lowest within a standard error of it (0.9100); up to layer 2" in said
    assert "0.48 s of CPU time, 0.71 s with all" in said
    assert "Encoder's layers" not in text(facts())


def test_a_card_of_a_control_says_so():
    said = text(facts(run.tested(control=True)))
    assert said.startswith("# Model card: layers (control), trained on toy")
    assert "A control: others are compared with it" in said
    assert "control" not in text(facts()).lower()


def test_the_licence_is_found_where_the_folder_has_one(tmp_path):
    assert card.licence_of(run.encoder(str(tmp_path))) is None
    (tmp_path / "LICENSES").mkdir()
    assert card.licence_of(run.encoder(str(tmp_path))) is None
    (tmp_path / "LICENSE.txt").touch()
    assert card.licence_of(run.encoder(str(tmp_path))).endswith("LICENSE.txt")
    assert card.licence_of(run.encoder("facebook/wav2vec2-base")) is None


@pytest.fixture
def measured(tmp_path):
    for name, seconds, memory, cpu in (
        ("verify", 3, 100, 4),
        ("extract/clean/1-of-2", 100, 700, 180),
        ("extract/trimmed/1-of-2", 50, 900, 80),
        ("fit/mine", 10, 300, 20),
        ("fit/other", 1000, 3000, 2000),
        ("evaluate/mine", 2, 150, 1),
    ):
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tcpu_time\tmax_rss\n{seconds}\t{cpu}\t{memory}\n")
    return tmp_path


def test_the_cost_counts_an_experiments_own_and_the_shared_jobs(measured):
    shared = ["extract", "verify"], ["clean", "trimmed"]
    found = {item.rule: item for item in benchmarks.spent(measured, "mine", *shared)}
    # `other` is not in the configuration any more, perhaps: its jobs count for no experiment.
    assert set(found) == {"extract", "verify", "fit", "evaluate"}
    extract = found["extract"]
    assert (extract.jobs, extract.wall_seconds, extract.cpu_seconds) == (2, 150, 260)
    assert (extract.peak_mib, extract.shared) == (900, True)
    assert found["fit"].cpu_seconds == 20
    assert not found["fit"].shared
    assert found["evaluate"].cpu_seconds == 1
    said = text(facts(spent=list(found.values())))
    assert "extract, for all experiments | 2 | 150 s | 260 s | 900 MiB" in said
    assert "285 s of CPU time in all" in said


def test_shared_jobs_that_an_experiment_does_not_rest_on_cost_it_nothing(measured):
    (measured / "extract/clean").rename(measured / "embed")
    found = benchmarks.spent(measured, "mine", ["extract"], ["clean"])
    assert [item.rule for item in found] == ["evaluate", "fit"]
    assert len(benchmarks.spent(measured)) == 5


def test_no_benchmarks_no_cost(tmp_path):
    assert benchmarks.spent(tmp_path / "absent", "mine") == []


def test_what_is_no_markdown_stays_text():
    sections = {"a|b": ["<b> *x*", ["[c](d)"], Table("t", ["u|v"], [["w"]])]}
    said = render("document.md.j2", title="T", sections=sections)
    assert "## a\\|b" in said
    assert "\\<b\\> \\*x\\*" in said
    assert "- \\[c\\](d)" in said
    assert "| u\\|v |\n| --- |\n| w |" in said
    page = render("document.html.j2", title="T", sections=sections)
    assert "<b>" not in page.partition("<body>")[2]


def test_a_card_says_what_was_trained():
    seeds = {"10": {"parameters": 1234, "epoch": 7, "loss": "supcon"}, "11": {}}
    rounds = [{**run.model()["rounds"][0], "seeds": seeds}]
    heads = text(facts(model=run.model(kind="contrastive", rounds=rounds)))
    assert "heads trained with the loss supcon" in heads
    assert "seeds 10 and 11" in heads
    assert "1,234 parameters trained, epoch 7 kept" in heads
    tuned = text(facts(model=run.model(kind="finetune", rounds=rounds)))
    assert "in part fine-tuned" in tuned
    untrained = {"10": seeds["10"] | {"epoch": 0}, "11": {}}
    rounds = [{**run.model()["rounds"][0], "seeds": untrained}]
    tuned = text(facts(model=run.model(kind="finetune", rounds=rounds)))
    assert "the untrained layers kept, as no epoch was better on dev" in tuned
    assert "logistic regression on standardised features" in text(facts())
