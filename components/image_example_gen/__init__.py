"""ImageExampleGen: class folders of photos become training and evaluation examples."""
