"""Where jobs are kept: all SQL, and nothing else."""
