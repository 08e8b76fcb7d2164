# Snakemake runs this in the new environment, from the top of the repository.
python -m pip install --quiet --no-deps --no-build-isolation --editable .
