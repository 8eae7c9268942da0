"""The tables: LanceDB, written so that an end at any moment leaves them whole, and mended where they are not."""
