"""How the program behaves on a desktop: palette, settings, one window, languages, the first start. Imports Qt and `app`."""
