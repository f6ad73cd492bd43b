"""The command line `warmstart`: arguments in, text out; the work is done elsewhere."""
