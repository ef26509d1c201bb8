"""What the users of a fleet prove themselves by."""


def secret(user: str) -> str:
    """Return the password of a user."""
    return f"{user}-secret"
