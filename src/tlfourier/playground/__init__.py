"""The kernel playground: a kernel to draw, and what it does to a field, computed in the browser."""

from tlfourier.io.extras import need

need("book", "anywidget")
