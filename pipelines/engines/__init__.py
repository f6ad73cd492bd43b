"""Where the work of Beam is done: in this process, in others, or on a cluster."""
