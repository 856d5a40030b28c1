"""The book: its table of contents, running its pages, publishing them, and numbers in its prose."""

from tlfourier.io.extras import need

need("book", "yaml", "papermill", "myst_nb", "jupyter_book")
