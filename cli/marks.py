"""How the state of a component looks on the terminal."""

from __future__ import annotations

# A sign and a style for each: colour alone tells nothing.
MARKS = {
    "executed": ("✓", "green"),
    "cached": ("=", "cyan"),
    "failed": ("✗", "red"),
    "unfinished": ("?", "yellow"),
    "skipped": ("-", "dim"),
    "not reached": ("-", "dim"),
}
