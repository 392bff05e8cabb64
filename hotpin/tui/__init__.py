"""The full-screen interface; see ``hotpin.tui.app.run``."""
