"""Domain values. Standard library only; every other room may import it."""
