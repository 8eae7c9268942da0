"""Definitions by name: what names mean, what that is worth, and how it is written down."""
