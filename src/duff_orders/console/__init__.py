"""The console: pages for people, part of the application of `duff serve`."""
