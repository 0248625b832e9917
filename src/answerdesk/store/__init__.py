"""Adapters of the desk's store port, each with its one database driver."""
