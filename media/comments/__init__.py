"""The comment of a sound file, read and written with everything else left as it is to the byte."""
