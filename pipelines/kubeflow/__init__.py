"""What runs the pipeline on Kubeflow Pipelines, and talks to its server."""
