"""Accuracy and other metrics of models on a data set; files and plots of an evaluation."""
