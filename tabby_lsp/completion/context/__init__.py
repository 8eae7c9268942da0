"""What of the repository a prompt shows beside the document, gathered in idle time and kept where it is.

    sources (symbols, recent, siblings, search) → choose → block → forms → prompt

Each source is one file with one function of the same shape; `SOURCES` in `gather.py` is their order. `stale.py` says
what of a block holds no more, `secret.py` of which documents nothing may be shown or asked.
"""
