"""Single images: decoding, resizing, and the preprocessing that a model needs."""
