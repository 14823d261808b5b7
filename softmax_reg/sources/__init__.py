"""Rows that are read in batches, anew for each pass: from files, folders and functions."""
