"""The HTML report of a run, its curves and thumbnails, and the HTML pages of the package."""
