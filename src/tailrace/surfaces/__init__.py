"""The dialects, a file or folder each."""
