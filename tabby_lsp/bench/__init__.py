"""Measuring what users get, through the very pipeline and server that serve editors.

    fim          single-hole sets: exact match, similarity, pass@1
    edited       real edits, from git or from pinned releases, as one person makes them ─▶ types.Script
    replay       a script typed key by key, patiently or at a person's speed ─▶ types.Session
    contestants  what is typed into: our server, llama.vim on llama-server, tabby-agent
    results      sessions ─▶ figures with intervals ─▶ tables, JSON, a page
    models       all installed models through the user's own edits

Nothing here changes how completion works; it asks and counts.
"""
