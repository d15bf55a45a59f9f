"""Single images: decoding, resizing, and the preprocessing that a checkpoint was trained with."""
