"""What Prometheus is told of the worlds and of the bridge: facts and changes folded to samples when it asks."""
