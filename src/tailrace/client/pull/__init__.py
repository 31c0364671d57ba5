"""Pull: all files of an export into a directory, in parallel, whatever is killed on the way.

A file is loaded in pieces into a sparse file below `.tailrace-pull`, beside which a byte per piece says what is there.
It gets its name when its SHA-256 is that of the manifest, and the manifest is written last: a directory with one is
whole.
"""
