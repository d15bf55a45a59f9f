"""One reader for each container of weights; none builds anything but tensors."""
