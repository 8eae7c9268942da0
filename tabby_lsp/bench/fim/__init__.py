"""Fill-in-the-middle sets: one hole at a time through the pipeline, and the tests that come with it."""
