"""What a model wrote, taken apart: its code blocks, the part that was asked for, its imports, its documentation.

Texts in here have line feeds alone; the document's own endings are put back last. No model, no files, no protocol.
"""
