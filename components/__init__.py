"""One folder for each component of the chain that is ours: what TFX has, we take from TFX."""
