"""What is done with a pushed model."""
