"""Bits of the field `flags`: what accept had to change in a record. A number never changes its meaning."""

NO_TIME = 1  # the sender gave no time, so the received time stands in
REPAIRED = 2  # a name or an id held NUL or half of a surrogate pair, which is U+FFFD now
CORRECTED = 4  # the sender's clock was wrong by as much as `time` differs from `client_time`
OUTSIDE = 8  # its time could not be, even corrected, so the received time stands in
