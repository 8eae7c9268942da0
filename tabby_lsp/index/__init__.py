"""What the repository holds: walked, cut, embedded and searched in a child process; the server only asks it.

    files → reading → embedders → store          lookup, search → snippets
                                     └── folder.py ──┘
                        child: the process around it, and the server's client

`types` is what the rest of the program sees; LanceDB and pyarrow are imported in the child alone.
"""
