"""What `warmstart kubeflow` says to a server of Kubeflow Pipelines, and hears from it."""
