"""The detail of one job: its facts, its runs and their output, beside the list of jobs or over it."""
