"""ServingValidator: whether a model answers without this project as it did in training."""
