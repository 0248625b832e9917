"""A self-hosted recognition-task service: content in, answers out, on the protocols clients already speak."""
