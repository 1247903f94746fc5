"""Doing things by their names: the palette, which searches, and the command line, which completes."""
