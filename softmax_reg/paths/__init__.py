"""Fits for many penalties, each the start of the next, and the choice among them."""
