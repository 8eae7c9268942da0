"""tabby-lsp: code completion from a local model inside a language server."""

__version__ = "0.1.0"
