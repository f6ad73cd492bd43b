"""What TFX's StatisticsGen computes of photos, and how it is read."""
