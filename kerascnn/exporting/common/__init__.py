"""Code that all export formats share: the network, options, metadata, reports, comparison."""
