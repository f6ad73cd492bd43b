"""Decodes photos of the formats whose decoders are not let near a run: WebP and TIFF."""
