# Optional: how the demo corpus that ships was made (`make demo-corpus`). Nothing of `all` asks for
# it. Its speech synthesisers are in requirements-demo.txt and in Debian packages.
from authenticity.demo import attacks as demo_attacks
from authenticity.demo import classic as demo_programs
from authenticity.demo import human as demo_human

DEMO = "results/demo-corpus"


wildcard_constraints:
    package=r"[a-z0-9.+-]+",
    attack="|".join(["bonafide", *demo_attacks.NAMES]),


rule demo_corpus:
    """The demo corpus made anew, in resources/."""
    input:
        f"{DEMO}/shipped.json",


rule demo_index:
    """Read which Debian packages there are; no root is needed, and nothing is installed."""
    output:
        index=directory(f"{DEMO}/index"),
    log:
        "logs/demo-corpus/index.log",
    conda:
        "../../envs/demo.yaml"
    script:
        "../scripts/demo_index.py"


rule demo_package:
    """Download one Debian package."""
    input:
        index=ancient(f"{DEMO}/index"),
    output:
        package=f"{DEMO}/packages/{{package}}.deb",
    log:
        "logs/demo-corpus/package/{package}.log",
    conda:
        "../../envs/demo.yaml"
    script:
        "../scripts/demo_package.py"


rule demo_programs:
    """Unpack the speech synthesisers of Debian into a folder, where they run from."""
    input:
        packages=expand(f"{DEMO}/packages/{{package}}.deb", package=demo_programs.PACKAGES),
    output:
        programs=directory(f"{DEMO}/programs"),
    log:
        "logs/demo-corpus/programs.log",
    conda:
        "../../envs/demo.yaml"
    script:
        "../scripts/demo_programs.py"


rule demo_plan:
    """Decide of every clip who says what, how long, in which part, and under which name."""
    input:
        packages=expand(f"{DEMO}/packages/{{package}}.deb", package=demo_human.PROMPTS),
    output:
        plan=f"{DEMO}/plan.parquet",
    log:
        "logs/demo-corpus/plan.log",
    conda:
        "../../envs/demo.yaml"
    params:
        seconds=config["demo_corpus"]["seconds"],
        seed=config["demo_corpus"]["seed"],
    script:
        "../scripts/demo_plan.py"


rule demo_clips:
    """Make the clips of one attack, or the bona fide ones, and send them through the channel."""
    input:
        plan=f"{DEMO}/plan.parquet",
        programs=f"{DEMO}/programs",
        packages=expand(f"{DEMO}/packages/{{package}}.deb", package=demo_human.PROMPTS),
    output:
        clips=f"{DEMO}/clips/{{attack}}.parquet",
    log:
        "logs/demo-corpus/clips/{attack}.log",
    benchmark:
        "benchmarks/demo-corpus/clips/{attack}.tsv"
    conda:
        "../../envs/demo.yaml"
    threads: 1
    resources:
        mem_mb=2500,
    params:
        bit_rate=config["demo_corpus"]["bit_rate"],
    script:
        "../scripts/demo_clips.py"


rule demo_archive:
    """Put all clips into one archive, laid out as ASVspoof 2019 LA."""
    input:
        plan=f"{DEMO}/plan.parquet",
        clips=expand(f"{DEMO}/clips/{{attack}}.parquet", attack=["bonafide", *demo_attacks.NAMES]),
    output:
        archive=f"{DEMO}/LA.zip",
    log:
        "logs/demo-corpus/archive.log",
    conda:
        "../../envs/demo.yaml"
    script:
        "../scripts/demo_archive.py"


rule demo_ship:
    """Put the archive and its sources' notices where the ordinary workflow finds them."""
    input:
        archive=f"{DEMO}/LA.zip",
        packages=expand(
            f"{DEMO}/packages/{{package}}.deb",
            package=[*demo_human.PROMPTS, *demo_programs.PACKAGES],
        ),
    output:
        shipped=f"{DEMO}/shipped.json",
    log:
        "logs/demo-corpus/ship.log",
    conda:
        "../../envs/demo.yaml"
    params:
        # Not a declared output: Snakemake would delete the archive that ships before it runs again.
        folder="resources/demo",
    script:
        "../scripts/demo_ship.py"
