"""What every export format shares: the network, options, metadata, reports and the proof."""
