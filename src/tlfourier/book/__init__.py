"""The book: its table of contents, running its pages, publishing them, and numbers in its prose."""
