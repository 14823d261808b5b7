"""The version, where modules that write it into files can import it."""

__version__ = "0.1.0"
