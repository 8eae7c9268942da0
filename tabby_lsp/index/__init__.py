"""What the repository holds: walked, cut, embedded and searched in a child process; the server only asks it.

    files → facts and chunks → vectors → tables          definitions, siblings, search → snippets
    (walk)   (syntax, chunks)   (embedders)  (store)      (lookup, search)

`types` is what the rest of the program sees; LanceDB and pyarrow are imported in the child alone.
"""
