"""`python -m tabby_lsp` is `tabby-lsp`."""

import sys

from tabby_lsp.cli import main

if __name__ == "__main__":
    sys.exit(main())
