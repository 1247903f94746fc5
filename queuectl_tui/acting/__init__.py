"""What actions do: to one job, to the marked ones, to all that match; in the background, and back again."""
