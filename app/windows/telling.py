"""What can be done now, what cannot and why, and the sentence in the strip.

Imports Qt and `app`. It reads the session and changes nothing in it.
"""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Slot

from app.actions import allow
from app.jobs import Job, JobState, Picture, PictureState
from app.windows.desk import Desk
from app.windows.running import Running
from app.wording import countdown_text, duration_text, result_title, size_text


class Telling(QObject):
    """Keeps actions, strip and start button true to the session."""

    def __init__(self, desk: Desk, running: Running) -> None:
        super().__init__(desk)
        self._desk = desk
        self._running = running
        # "Ready on CPU, fp32.": said while there is nothing else to say.
        self.ready_sentence = ""
        desk.changed.connect(self.refresh)

    @Slot()
    def refresh(self) -> None:
        """Brings everything up to date."""
        self._allow()
        self._tell_strip()
        self._tell_offer()
        for picture in self._desk.session.pictures:
            self._desk.pictures.show_state(picture)

    # Actions

    def _allow(self) -> None:
        actions, session = self._desk.actions, self._desk.session
        active = session.active_job
        has_line = active is not None or session.next_job is not None
        allow(actions.start, self._why_not_start())
        allow(actions.preview, self._why_not_preview())
        nothing_runs = self.tr("Nothing is running.")
        can_cancel = has_line and (
            active is None or active.state is not JobState.CANCELLING or bool(session.queued_jobs)
        )
        allow(actions.cancel, "" if can_cancel else nothing_runs)
        actions.offer_pause(session.is_paused)
        allow(actions.pause, "" if has_line else nothing_runs)
        allow(actions.save, self._why_not_save(False))
        allow(actions.save_as, self._why_not_save(True))
        no_image = self.tr("No image is open.")
        allow(actions.close_picture, "" if session.shown is not None else no_image)
        allow(actions.reference, "" if session.shown is not None and session.shown.raster is not None else no_image)

    def _why_not_start(self) -> str:
        session, entry = self._desk.session, self._desk.panel.choice
        if not session.pictures:
            return self.tr("Open an image first.")
        if entry is None:
            return self.tr("There is no model to run.")
        if session.is_paused and session.next_job is not None:
            return ""
        if not self._running.orders():
            if self._desk.panel.all_ticked.isChecked() and not self._desk.panel.ticked:
                return self.tr("Tick a model first.")
            return self.tr("A job is running: wait for it, or cancel it.")
        return ""

    def _why_not_preview(self) -> str:
        picture = self._desk.session.shown
        if picture is None:
            return self.tr("Open an image first.")
        if picture.raster is None:
            return self.tr("The image is still being opened.")
        if self._desk.session.active_job is not None:
            return self.tr("A job is running: wait for it, pause or cancel it.")
        return "" if self._desk.panel.ticked else self.tr("Tick a model first.")

    def _why_not_save(self, elsewhere: bool) -> str:
        job, _ = self._desk.result_shown
        if job is None:
            return self.tr("There is no result yet: upscale the image first.")
        if job.is_being_saved:
            return self.tr("The result is being saved.")
        if job.saved_as is not None and not elsewhere:
            return self.tr("It is saved already, as {name}.").format(name=job.saved_as.name)
        return ""

    # The strip

    def _tell_strip(self) -> None:
        strip, session = self._desk.strip, self._desk.session
        active, picture = session.active_job, session.shown
        if active is not None:
            self._tell_job(active)
            return
        job, _ = self._desk.result_shown
        queued = len(session.queued_jobs)
        if session.is_paused and queued:
            words = self.tr("Paused. {count} to do.").format(count=queued)
            strip.say(words, strip.pause_button, strip.cancel_button)
        elif self._desk.passing_sentence:
            strip.say(self._desk.passing_sentence)
        elif job is not None:
            self._tell_result(job)
        elif picture is not None and picture.state is PictureState.OPENING:
            strip.say(self.tr("Opening {name}…").format(name=picture.path.name))
        else:
            strip.say(self.ready_sentence)

    def _tell_job(self, job: Job) -> None:
        strip, session = self._desk.strip, self._desk.session
        picture = session.picture(job.picture_number)
        name = "" if picture is None else picture.path.name
        if job.state is JobState.CANCELLING:
            words = self.tr("Pausing {name}…") if job.is_paused else self.tr("Cancelling {name}…")
            strip.cancelling(words.format(name=name))
            return
        queued = len(session.queued_jobs)
        words = self.tr("Upscaling {name} with {title}").format(name=name, title=result_title(job))
        if queued:
            words = self.tr("{words} · {count} more").format(words=words, count=queued)
        strip.begin(words, self._seconds_of_line())
        left_s = job.seconds_left(time.monotonic())
        if job.tiles:
            strip.advance(job.tiles_done, job.tiles, left_s)
        elif left_s is not None:
            strip.expect(left_s)

    def _seconds_of_line(self) -> float | None:
        """Returns how long the jobs in line should take after the one at work, or None where nobody knows, or there are none."""
        session = self._desk.session
        pictures = [(session.picture(job.picture_number), job) for job in session.queued_jobs]
        known = [
            None if picture is None else session.expected_seconds(picture, job.model, job.scale)
            for picture, job in pictures
        ]
        return None if None in known or not known else sum(each for each in known if each is not None)

    def _tell_result(self, job: Job) -> None:
        strip = self._desk.strip
        if job.is_being_saved:
            strip.say(self.tr("Saving…"))
        elif job.saved_as is not None:
            strip.say(
                self.tr("Saved as {name}").format(name=job.saved_as.name), strip.reveal_button, strip.save_as_button
            )
        else:
            took = "" if job.done is None else duration_text(job.done.seconds)
            strip.say(
                self.tr("Done in {duration}. Not saved yet.").format(duration=took),
                strip.save_button,
                strip.save_as_button,
            )

    # The offer

    def _tell_offer(self) -> None:
        """Says on the start button, and above it, what a click would make."""
        panel, session = self._desk.panel, self._desk.session
        entry, shown = panel.choice, session.shown
        if entry is None:
            panel.start_button.say(self.tr("Upscale"))
            panel.size_text.setText("")
            return
        orders = self._running.orders()
        waiting = len(session.queued_jobs)
        words = self.tr("Upscale ×{scale} with {model}").format(scale=entry.scale, model=entry.name)
        count = len({picture.number for picture, _ in orders})
        models = {each.path for _, each in orders}
        if len(models) > 1 and count == 1:
            words = self.tr("Upscale with {models} models").format(models=len(models))
        elif len(models) > 1:
            words = self.tr("Upscale {count} images · {models} models").format(count=count, models=len(models))
        elif len(orders) > 1:
            (entry,) = {each.path: each for _, each in orders}.values()
            words = self.tr("Upscale {count} images · {model} ×{scale}").format(
                count=count, model=entry.name, scale=entry.scale
            )
        if session.is_paused and waiting:
            words = self.tr("Go on: {count} to do").format(count=waiting + len(orders))
        panel.size_text.setText("" if shown is None or shown.info is None else self._sizes(shown, entry.scale))
        expected = [session.expected_seconds(picture, each.name, each.scale) for picture, each in orders]
        about = ""
        if expected and None not in expected:
            seconds = sum(each for each in expected if each is not None)
            about = self.tr("about {duration}").format(duration=countdown_text(max(1, seconds)))
        panel.start_button.say(words, about)

    def _sizes(self, picture: Picture, scale: int) -> str:
        assert picture.info is not None
        height, width = picture.info.height, picture.info.width
        return self.tr("{size} → {larger} pixels").format(
            size=size_text(width, height), larger=size_text(width * scale, height * scale)
        )
