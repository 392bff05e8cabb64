"""The commands of ``hotpin``, one module per group; heavy imports happen inside the functions."""
