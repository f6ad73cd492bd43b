"""The schema that photos are validated against: the curated one, with the classes of this data."""
