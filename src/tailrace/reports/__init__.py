"""Look-ups and counts: what the store holds, told without reading the data."""
