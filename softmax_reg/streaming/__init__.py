"""`partial_fit`: a model that learns batch by batch, and what it remembers of them."""
