"""The metrics pane: throughput, failures, durations, waiting times and depth over time, drawn as charts."""
