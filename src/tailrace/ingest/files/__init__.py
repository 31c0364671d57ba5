"""Import of files: rows of NDJSON, CSV, TSV and Parquet become records of the inbox, block by block.

opening -> reading (lines, tables, parquet) -> blocks -> extracting by a map (or native records) -> accept -> inbox.
Whole columns are worked on at a time; single rows only inside a block that holds a bad one.
"""
