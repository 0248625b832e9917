"""The use cases, and the ports they speak through. No I/O, no clock, no randomness: those are handed in."""
