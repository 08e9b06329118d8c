"""Procedural pictures: what `local:landscape` and `local:remix` paint."""
