"""What senders speak, a file each."""
