"""The command line: `tailrace COMMAND --help` explains each command."""
