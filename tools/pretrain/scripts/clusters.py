"""Find the clusters that the encoder learns to predict."""

from authenticity.files import write_arrays
from authenticity.jobs import job
from pretrain import speech, targets

with job(snakemake) as log:
    centroids = targets.fit_clusters(
        speech.read(snakemake.input.speech),
        snakemake.wildcards.objective,
        snakemake.params.n_clusters,
        snakemake.params.seed,
    )
    write_arrays(snakemake.output.centroids, {"centroids": centroids})
