# Debian packages of speech and of speech synthesisers, for both builders. That this file lies here
# lets them and their scripts import `demo_corpus` and `pretrain`: Snakemake searches for modules in
# the folder of every file that it includes.
PACKAGES = "results/demo-corpus/packages"


wildcard_constraints:
    package=r"[a-z0-9.+-]+",


rule package_index:
    """Read which Debian packages there are; no root is needed, and nothing is installed."""
    output:
        index=directory("results/demo-corpus/index"),
    log:
        "logs/demo-corpus/index.log",
    conda:
        "../envs/authenticity.yaml"
    script:
        "demo_corpus/scripts/index.py"


rule package:
    """Download one Debian package."""
    input:
        index=ancient("results/demo-corpus/index"),
    output:
        package=f"{PACKAGES}/{{package}}.deb",
    log:
        "logs/demo-corpus/package/{package}.log",
    conda:
        "../envs/authenticity.yaml"
    script:
        "demo_corpus/scripts/package.py"
