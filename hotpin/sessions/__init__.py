"""Conversations that are kept: what was said, so that a later call goes on where the last one ended."""
