"""Servers in place of the model in this process: a kind is a row, whatever the role."""
