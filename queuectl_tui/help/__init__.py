"""Every key, every sign of a state and the language of filters, on one screen."""
