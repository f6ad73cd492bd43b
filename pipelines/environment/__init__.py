"""The machine that pipelines run on, and the image that is such a machine anywhere."""
