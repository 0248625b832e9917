"""Machine solvers and their loop: they claim, read and answer over the same work API as people."""
