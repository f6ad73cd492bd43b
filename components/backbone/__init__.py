"""The pretrained network: which there are, their weights, and where to cut them in two."""
