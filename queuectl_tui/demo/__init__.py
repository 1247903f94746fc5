"""Example work, to see the console at: living, in a private home, or still, for pictures."""
