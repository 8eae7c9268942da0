"""The edits typed again: the clock, the typist, and contestants that take turns."""
