"""From sessions to figures with intervals, tables, JSON, a page and a picture."""
