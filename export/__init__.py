"""Encoders as versioned SavedModels."""
