"""LabelReview: labels that do not fit what the backbone sees, for a person to look at."""
