"""What is faster, by how much, and how that was measured: ratios within one run."""
