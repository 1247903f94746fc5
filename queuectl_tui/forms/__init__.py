"""A job as somebody fills it in, as a form or as text in an editor, and what that makes of it."""
