"""Pure values, rules and tables. Nothing here reads a clock, a file, a socket or a random number."""
