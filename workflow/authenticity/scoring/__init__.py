"""Scoring a recording of one's own with a trained model, and saying what the score is worth.

Bundle: `assemble` makes the model on disk, `bundle` loads it. Detector: `detector` scores one
recording, `result` is the answer. Decision: `decision` sets and counts verdicts, `cautions` say why
to trust a score less, `words` has the sentences. Batch: `inputs` (which files), `batch` (several at
once, kept, resumed), `worker` (one file in a process), `display` (terminal), `outputs` (tables).
Page: `page` (HTML). `splices` measures where in time a detector finds synthetic speech.
"""
