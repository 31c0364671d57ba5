"""Exit codes. docs/cli.md documents each."""

OK = 0
FOUND_WRONG = 1  # what was checked is not right
USAGE = 2
BAD_INPUT = 3
TRY_AGAIN = 4
REFUSED = 5  # the server does not let us
INTERRUPTED = 130
