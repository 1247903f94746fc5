"""Which jobs a list shows, and in which order: the filter line, sorting, and going to one job."""
