"""Cards from what providers publish about their models."""
