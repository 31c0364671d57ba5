"""The dialect of Flurry."""
