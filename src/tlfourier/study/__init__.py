"""The only layer that touches the disk: settings, artifacts, pages, the book, the command line."""
