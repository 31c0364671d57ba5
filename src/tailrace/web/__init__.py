"""HTTP without a dialect: bodies, credentials, downloads, and what a surface is."""
