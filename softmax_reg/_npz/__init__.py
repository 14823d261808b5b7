"""Arrays and JSON as one file without pickle, written whole or not at all, and read with care."""
