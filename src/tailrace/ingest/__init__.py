"""From accepted input to sealed segments."""
