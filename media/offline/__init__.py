"""Offline speech, music and sound effects: what `local:voice`, `local:score` and `local:ambience` make."""
