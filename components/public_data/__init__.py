"""Public data sets, to try warmstart on: fetched, checked and laid out as class folders."""
