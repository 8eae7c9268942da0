"""The language server: what editors send and what they get. `lsprotocol` and `pygls` are imported here alone.

    server              lifecycle and wiring, and nothing else
    protocol            what pygls does differently from what editors need
    convert             protocol types ↔ ours
    documents           open, change, close; notebook cells are documents
    inline_completion   textDocument/inlineCompletion
    completion          textDocument/completion, for clients without it
    commands            workspace/executeCommand
    configuration       settings from the client, and their faults
    model               which model serves: preflight, download, status
    status              tabby/status
    progress            work-done progress
    client_log          window/logMessage
    answering           one question, whichever method brought it

A new method is a new file with a `register(server)` and a line in server.py.
"""
