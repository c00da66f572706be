"""The parts of the benchmark: each measures pieces of work on a ground, ours and the peers' in turn."""
