"""Make many artifacts: what is missing, what it costs, and where it runs. It knows no science."""
