"""The language model that answers."""
