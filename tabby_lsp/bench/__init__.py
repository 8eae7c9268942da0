"""Measuring what users get: fill-in-the-middle sets through the very pipeline that serves editors.

    fim      single-hole sets: exact match and edit similarity, with confidence intervals

Nothing here changes how completion works; it asks the pipeline and counts.
"""
