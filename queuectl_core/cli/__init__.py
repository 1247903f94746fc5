"""The headless command line: one module a noun; `output.py` alone prints."""
