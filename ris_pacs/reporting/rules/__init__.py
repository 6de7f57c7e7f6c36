"""Decisions about reports: their text, what stands against signing, the seal of what was signed."""
