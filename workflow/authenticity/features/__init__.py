"""Numbers computed from audio: spectral descriptors and frozen encoder embeddings."""
