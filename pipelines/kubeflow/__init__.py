"""The pipeline on Kubeflow Pipelines v2: what is compiled, and what runs in its containers."""
