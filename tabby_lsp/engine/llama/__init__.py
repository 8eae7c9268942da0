"""The engine in this process: llama.cpp through llama-cpp-python's low-level API, on one worker thread.

    library     the shared library: thread policy before it loads, its log, what it can do
    model       weights and context of one GGUF, and their memory
    vocabulary  text ↔ tokens, markers by id, tokens by their first bytes
    kv          which sequence holds what, and how much of it a new prompt can keep
    sampling    from logits to a token
    generate    one request, step by step
    job         a request on its way, and its future
    residence   a model in memory with all that hangs on it
    worker      the thread: who is next, latest wins, idle unload
    preflight   one token in a child process before this process trusts a file

`llama_cpp` is imported under here alone, through `library.load()`.
"""
