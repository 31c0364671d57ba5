"""Commands that speak to a server, through the client that programs use too."""
