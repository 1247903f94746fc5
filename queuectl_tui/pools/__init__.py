"""Pools and workers as the console shows them, and how it starts and stops them."""
