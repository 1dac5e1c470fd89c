"""The console: pages in which people see devices and command them. They call the API's own methods, as its callers do."""
