# Everything lives in workflow/; this lets a bare `snakemake` work from the top of the repository.
include: "workflow/Snakefile"


workflow.default_target = "all"
