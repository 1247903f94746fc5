"""Parts that every pane shares: the lines at the edges of the screen, questions and prompts."""
