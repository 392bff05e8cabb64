"""Has the person finished? Told from how it sounds."""
