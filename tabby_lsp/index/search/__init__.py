"""Chunks by words and vectors."""
