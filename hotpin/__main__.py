"""``python -m hotpin`` is the same as ``hotpin``."""

from hotpin.cli import main

if __name__ == "__main__":
    main()
