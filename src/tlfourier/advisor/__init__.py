"""Which repair, which layers: asked before anything is re-trained, for any network and any data."""
