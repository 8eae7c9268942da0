"""The chat role: a conversation in, text out, whoever writes it."""
