"""Tells, without TFX, which components a run would run, and reuses what is finished."""
