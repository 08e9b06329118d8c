"""Small valid media of any shape, made in milliseconds, for the provider simulator."""
