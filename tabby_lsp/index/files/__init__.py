"""What there is to index: the files of a folder, by rules with a counted reason, and what changes in them."""
