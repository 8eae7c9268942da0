"""What a file defines, imports and uses, read off its tree with one query file a language."""
