"""The benchmark: who reaches the optimum first.  See README.md in this folder."""
