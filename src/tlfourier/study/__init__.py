"""The study layer: the only one that touches the disk. Settings, artifacts, pages, the book, the command line."""
