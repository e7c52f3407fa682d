"""Autoencoders for Keras whose codes are the product."""
