"""What is kept: inbox, segments, commits, dedupe, sessions, and the scan that reads them."""
