"""Encoders of rows (json) and wrappers of bytes (gzip): independent axes, a file each."""
