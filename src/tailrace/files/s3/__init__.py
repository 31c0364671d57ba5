"""Objects on S3 and what speaks its language: whole requests by obstore, uploads in parts by botocore."""
