"""The output of one run on the screen: the file, its lines, what a terminal would show of them, and the widget."""
