"""Data sets: loads them from files, arrays or `tf.data`, checks them, and feeds them to a model."""
