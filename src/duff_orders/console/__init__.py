"""The console: pages for people, within the application of `duff serve`."""
