"""Wake words: asleep until it is called."""
