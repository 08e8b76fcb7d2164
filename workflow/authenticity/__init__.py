"""Spectral Contrastive Audio Authenticity: features, models and metrics for spoofed speech."""
