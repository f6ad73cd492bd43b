"""The data contracts that every other folder builds on; imports nothing of ours."""
