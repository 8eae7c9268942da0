"""From files to rows: facts and chunks, read by a pool of processes."""
