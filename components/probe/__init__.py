"""How well backbones suit some photos, before any pipeline runs."""
