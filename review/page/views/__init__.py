"""What each address of the page shows, as plain data."""
