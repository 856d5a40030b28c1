"""A content-addressed store of artifacts, local and remote. It knows no science."""
