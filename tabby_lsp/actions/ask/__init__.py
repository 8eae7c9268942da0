"""Questions about a repository, answered with the places that the answer rests on.

question → retrieve (index) → relevant? → conversation (messages, within the model's room) → the answer → citations
"""
