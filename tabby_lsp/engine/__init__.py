"""Everything that turns a prompt into text: model files, llama.cpp, and providers elsewhere.

`types.py` is the only thing the rooms to the left need. `llama_cpp` is imported under `llama/` alone, and only
once a model is wanted. Nothing in here knows documents, languages or editors.
"""
