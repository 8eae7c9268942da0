"""What of the repository a prompt shows beside the document, gathered in idle time and kept where it is.

    sources (symbols, recent, siblings, search) → choose → block → shown → forms → prompt

Each source is one file with one function of the same shape; `SOURCES` in `gather.py` is their order. `shown.py` keeps
what each document shows by now, `stale.py` says what of it holds no more, `secret.py` of which documents nothing may be
shown or asked.
"""
