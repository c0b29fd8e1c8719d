"""Source and encoder to gallery, then to an index: the only writer."""
