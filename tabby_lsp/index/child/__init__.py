"""The process that has the index, and how the server talks to it."""
