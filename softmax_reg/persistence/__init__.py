"""Files without pickle: checkpoints of a fit that goes on, and models."""
