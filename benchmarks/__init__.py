"""Measurements that compare the engine with its peers and with what the hardware allows."""
