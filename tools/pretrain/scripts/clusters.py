"""Find the clusters that the encoder learns to predict."""

from authenticity.jobs import job
from pretrain import speech, targets

with job(snakemake) as log:
    clips = speech.read(snakemake.input.speech)
    centroids = targets.fit_clusters(clips, snakemake.params.n_clusters, snakemake.params.seed)
    targets.write_centroids(snakemake.output.centroids, centroids)
