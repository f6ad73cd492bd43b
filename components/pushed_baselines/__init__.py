"""What a run is compared with, found among the pushed versions: no ML Metadata is asked."""
