"""The App4Sales Platform connector as a data pipeline."""

__version__ = "0.1.0"
