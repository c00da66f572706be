"""What the worker does with the messages of the queue."""
