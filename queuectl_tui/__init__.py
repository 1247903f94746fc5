"""The console: a full-screen face of the queue, driven by keyboard. It imports the core, never back."""
