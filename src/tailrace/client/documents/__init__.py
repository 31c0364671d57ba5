"""What the server answers, as values.

They are tolerant: a key that this release does not know is left out, one that an older server does not send has a
default, and words such as states are texts, not choices. So neither side has to be updated first.
"""
