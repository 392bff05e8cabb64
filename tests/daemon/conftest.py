"""What tests of the daemon share with those of the commands."""

from tests.commands.conftest import hotpin, real_models

__all__ = ["hotpin", "real_models"]
