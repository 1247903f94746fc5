"""Running commands: processes, workers, the keeper, the pool, and who of them is alive."""
