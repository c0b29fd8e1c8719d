"""stub."""


def compare() -> None:
    """Stub."""
