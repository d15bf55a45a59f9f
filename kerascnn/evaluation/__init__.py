"""Accuracy and other metrics of a model on a data set, and the files and plots of an evaluation."""
