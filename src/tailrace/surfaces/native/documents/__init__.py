"""The documents of the native API."""
