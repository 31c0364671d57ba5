"""Arrow columns: JSON texts in them, and how much text they hold. What store and formats both need to know."""
