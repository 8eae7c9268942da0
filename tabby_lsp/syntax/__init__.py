"""What the text around a cursor is: trees, scopes, cuts. Every answer has a fallback that needs no grammar."""
