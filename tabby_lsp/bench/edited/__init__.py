"""Where edits come from: a repository's history or pinned releases, as hunks and keys."""
