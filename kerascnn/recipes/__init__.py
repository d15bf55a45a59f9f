"""Training recipes: the table of them, their fields, optimizers and learning-rate schedules."""
