"""Commit messages and branch names: what git says has changed, put to the chat model, and read as one line.

changes (git) → wording (messages, within the model's room) → the answer → wording (a subject, a branch name)
"""
