"""Code actions and questions: offered without the model, asked of the chat role, applied as small edits.

target → offers              (what may be done here: tree and diagnostics alone)
offer → brief → chat → answer → outcome → edits, rebased → the client
"""
