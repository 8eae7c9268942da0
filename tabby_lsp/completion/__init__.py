"""From a cursor in a snapshot to a suggestion.

    pipeline     the one linear path, every stage timed
    trigger      whether to ask at all, with a named reason where not
    window       which lines the model reads, and where they stay put while the user types
    families     fill-in-the-middle templates, a row a model family (families.toml)
    prompt       window + family → pieces
    stop         when enough has been written, checked while it is written
    overlap      where a suggestion meets the code that is there
    postprocess  small named transforms, each rejection with its name
    reuse        suggestions that the user is typing along

No editor protocol and no llama.cpp in here.
"""
