"""Captions: cues from words, subtitle files, and captions burnt into video or added as a stream."""
