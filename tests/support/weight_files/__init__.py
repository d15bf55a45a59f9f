"""Files of weights as other programs write them, and as an attacker or a bad disk would."""
