"""From a cursor in a snapshot to a suggestion.

    pipeline     the one linear path, every stage timed
    types        what is asked and what comes back
    trigger      whether to ask at all, with a named reason where not
    tempo        whether to ask at once, or to wait for the next key
    case         the lines around a cursor, for rules and transforms
    window       which lines the model reads, and where they stay put while the user types
    families     fill-in-the-middle templates, a row a model family (families.toml)
    prompt       window + family → pieces
    prompts      the whole prompt and a quick one, for a question and for idle time
    context/     what they show of other files: sources, choice, forms, and since when
    ahead        what is evaluated in idle time
    prefetch     what would follow if the suggestion that is shown were accepted
    flight       one generation, detached from who asked for it
    flights      those under way, one a document
    names        which names exist, for a model that is to end one
    stop         when enough has been written, checked while it is written
    postprocess  small named transforms, each rejection with its name
    overlap      the transforms that look where a suggestion meets the code that is there
    suggestions  from candidates to suggestions; a document with one accepted
    likely       how much of one is worth showing
    reuse        suggestions that the user is typing along
    stopwatch    how long each stage took

No editor protocol and no llama.cpp in here.
"""
