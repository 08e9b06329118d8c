"""Content credentials (C2PA): sign files, read what they carry, and notice what they lose."""
