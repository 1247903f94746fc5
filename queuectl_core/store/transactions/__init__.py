"""What can be asked of a store, one module a noun. Each function returns a transaction for `store.run`."""
