"""The list of jobs: columns, windows over the store, marks and the table that draws them."""
