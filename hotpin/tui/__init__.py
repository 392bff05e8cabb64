"""The full-screen interface; see ``hotpin.tui.run.run``."""
