"""One module for each place that data sets come from; each returns splits of images and labels."""
