"""Data sets: loading them from files, arrays or `tf.data`, and feeding them to a model."""
