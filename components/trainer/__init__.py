"""What TFX's Trainer runs: a frozen stage, a fine-tune stage, and the export for serving."""
