if PLAN.scored:

    rule score:
        """Score the recordings of a shard that no earlier run has scored with this bundle."""
        input:
            bundle=PLAN.scored.bundle_file,
            files=ancient(PLAN.scored.files),
        output:
            answers=update(f"{PLAN.scored.folder}/shards/{{shard}}.jsonl"),
        log:
            "logs/score/{shard}.log",
        benchmark:
            "benchmarks/score/{shard}.tsv"
        conda:
            "../../envs/authenticity.yaml"
        resources:
            mem_mb=1400,
        params:
            digest=lambda wildcards: PLAN.scored.shards[wildcards.shard],
            bundle=PLAN.scored.bundle,
            folder=PLAN.scored.folder,
            prior=config["score"]["prior"],
            pictures=config["score"]["pictures"],
            version=SCORE_VERSION,
        script:
            "../scripts/score.py"

    rule scored:
        """Tables and a page of all recordings; made when it is asked for by name."""
        input:
            bundle=PLAN.scored.bundle_file,
            files=ancient(PLAN.scored.files),
            shards=expand(f"{PLAN.scored.folder}/shards/{{shard}}.jsonl", shard=PLAN.scored.shards),
        output:
            [f"{PLAN.scored.folder}/{name}" for name in PLAN.scored.results],
        log:
            "logs/scored.log",
        conda:
            "../../envs/authenticity.yaml"
        params:
            digest=list(PLAN.scored.shards.values()),
            bundle=PLAN.scored.bundle,
            folder=PLAN.scored.folder,
            prior=config["score"]["prior"],
            pictures=config["score"]["pictures"],
            version=SCORE_VERSION,
        script:
            "../scripts/scored.py"
