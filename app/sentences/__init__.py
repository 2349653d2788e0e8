"""The engine's sentences in the window's words and language. Imports QtCore and nothing of `app`.

The engine speaks English everywhere: on the command line, in reports, in the journals of jobs. Only the window translates, when
it shows a sentence, by the pattern that the sentence follows; so nothing in the engine knows of languages, and a sentence
that was kept over a restart, or came from another process, is translated like any other.
"""

from app.sentences.translation import in_window

__all__ = ["in_window"]
