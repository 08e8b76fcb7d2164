"""Scoring a recording of one's own with a trained model, and saying what the score is worth.

One recording: `bundle` (the model on disk), `detector` (scores it), `cautions` (why to trust that
less), `decision` (the verdict and its reason), `result` (the answer), `words` (numbers in words).
Many: `inputs` (which files), `batch` (several at once, kept, resumed), `worker` (one process),
`display` (the terminal), `outputs` (tables), `page` (HTML). `splices` is an experiment on where in
time a detector finds synthetic speech.
"""
