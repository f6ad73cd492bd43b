"""The web page: runs, artifacts and photos in the browser, read from ML Metadata."""
