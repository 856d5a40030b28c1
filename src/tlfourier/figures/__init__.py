"""Draw the book's figures: arrays in, figures out, no files; one style for all of them."""
