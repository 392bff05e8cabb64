"""Voice-to-voice measurement through the same path as the microphone: ``hotpin bench``."""
