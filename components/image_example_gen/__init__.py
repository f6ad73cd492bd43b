"""ImageExampleGen: the photos of a data folder become training and evaluation examples."""
