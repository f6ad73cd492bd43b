"""What TFX's Evaluator measures, and against which model."""
