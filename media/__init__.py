"""What flows: media values, their store, the facts of files, contracts, and every local operation in a room of its kind."""
