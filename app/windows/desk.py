"""What the rooms of the window share: the session, the way to the engine, and the widgets they show it in.

Imports Qt and `app`. A room is one thing that a person does (opening, running, saving …); it changes the session, then has what
is shown follow by `changed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.actions import Actions
from app.bridge import Bridge
from app.compare.view import ComparisonView
from app.jobs import Job, JobState, Picture, Session
from app.pace import Pace
from app.settings import Settings
from app.theme import Theme
from app.widgets.model_panel import ModelPanel
from app.widgets.notice import NoticeStack
from app.widgets.picture_list import PictureList
from app.widgets.progress_strip import ProgressStrip

if TYPE_CHECKING:
    from engine.messages import UpscaleSettings


class Desk(QObject):
    """The window's session with its widgets. `changed`: what can be done, and what is said, may be different now."""

    changed = Signal()

    def __init__(self, window: QWidget, bridge: Bridge, settings: Settings, theme: Theme) -> None:
        super().__init__(window)
        self.window = window
        self.bridge = bridge
        self.settings = settings
        self.session = Session(Pace(settings.pace))
        self.view = ComparisonView(theme)
        self.actions = Actions(window, theme)
        self.notices = NoticeStack(theme)
        self.pictures = PictureList()
        self.panel = ModelPanel(self.actions)
        self.panel.tiling.bind_grid(self.view.commands.tile_grid)
        self.strip = ProgressStrip(self.actions)
        # What the strip says while nothing else is to be said of what is shown: "Cancelled.", or what the device is.
        self.passing_sentence = ""

    def tell(self, sentence: str = "") -> None:
        """Says a sentence until something else happens, and has everything follow."""
        self.passing_sentence = sentence
        self.changed.emit()

    @property
    def upscale_settings(self) -> UpscaleSettings:
        """How the next job is to be run."""
        return self.panel.tiling.settings(self.settings.device)

    @property
    def result_shown(self) -> tuple[Job | None, Picture | None]:
        """The finished job that is chosen in the comparison, and its picture."""
        picture = self.session.shown
        if picture is None or picture.shown_job is None or picture.shown_job.state is not JobState.DONE:
            return None, None
        if not self.panel.shows(picture.shown_job.model):
            return None, None
        return picture.shown_job, picture
