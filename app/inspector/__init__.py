"""The attention inspector: from one pixel, where each model looks. Imports Qt, numpy, `app` and the plain data of `engine`."""
