"""The pipeline: its configuration, the chain of components, and the runners."""
