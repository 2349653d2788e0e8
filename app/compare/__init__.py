"""The comparison view: up to nine pictures through one camera. Imports Qt, numpy, `app` and the plain data of `engine`."""
