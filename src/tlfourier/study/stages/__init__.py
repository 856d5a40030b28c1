"""The stages of a study, each one object: how its artifacts are named, made, costed, described and read."""
