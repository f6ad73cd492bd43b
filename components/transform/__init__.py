"""What TFX's Transform does with a photo: decode and resize."""
