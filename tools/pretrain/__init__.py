"""How the small encoder that ships was trained, from human speech alone."""
