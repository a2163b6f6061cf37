"""One module a page. A view says who asks, what for, one call, one template."""
