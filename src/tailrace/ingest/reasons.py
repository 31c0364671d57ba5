"""Why a record could not be read, in the words of a dead letter."""


def reason_of(error: Exception) -> str:
    """One sentence for a dead letter."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    return str(error)
