"""What a database can hold as text."""


def is_storable(text: str) -> bool:
    """Tell whether every database can hold `text`. What none can hold is in no store, and is not looked for."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
