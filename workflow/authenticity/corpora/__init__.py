"""One module per corpus format: each turns a protocol and a listing into manifest rows."""
