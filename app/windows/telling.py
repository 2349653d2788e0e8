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
from app.wording import about_text, duration_text, result_title, size_text
from engine.catalog import CatalogEntry

Order = tuple[Picture, CatalogEntry]


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
        self._desk.pictures.show_states(self._desk.session.pictures)

    # Actions

    def _allow(self) -> None:
        actions, session = self._desk.actions, self._desk.session
        active = session.active_job
        has_line = active is not None or session.next_job is not None
        explained = self.tr("Run the marked model on every image that lacks it.")
        if self._desk.panel.all_ticked.isChecked():
            explained = self.tr("Run every ticked model on every image that lacks it.")
        actions.start.setProperty("explained", explained)
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
        is_opening = session.shown is not None and session.shown.raster is None
        why_no_reference = self.tr("The image is still being opened.") if is_opening else no_image
        allow(actions.reference, "" if session.shown is not None and not is_opening else why_no_reference)

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
            picture = self._desk.session.shown
            if picture is not None and picture.shown_job is not None and picture.shown_job.state is JobState.DONE:
                return self.tr("The result is not shown: tick {model} first.").format(model=picture.shown_job.model)
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
        strip.begin(words, _sum(self._seconds_of_line()))
        left_s = job.seconds_left(time.monotonic())
        if job.tiles:
            strip.advance(job.tiles_done, job.tiles, left_s)
        elif left_s is not None:
            strip.expect(left_s)

    def _seconds_of_line(self) -> list[float | None]:
        """Returns how long each job in line should take, None where nobody knows."""
        session = self._desk.session
        pictures = [(session.picture(job.picture_number), job) for job in session.queued_jobs]
        return [
            None if picture is None else session.expected_seconds(picture, job.model, job.scale, job.settings)
            for picture, job in pictures
        ]

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
        """Says on the start button, and above it, what a click would make, how long that should take, and what else to know."""
        panel, session = self._desk.panel, self._desk.session
        entry, shown = panel.choice, session.shown
        if entry is None:
            panel.start_button.say(self.tr("Upscale"))
            panel.size_text.setText("")
            return
        orders = self._running.orders()
        if session.is_paused and session.queued_jobs:
            words = self.tr("Resume: {count} to do").format(count=len(session.queued_jobs) + len(orders))
        else:
            words = self._offer(orders, entry)
        panel.size_text.setText("" if shown is None or shown.info is None else self._sizes(shown, entry.scale))
        panel.start_button.say(words, self._about(orders), self._other_scales(orders))

    def _offer(self, orders: list[Order], chosen: CatalogEntry) -> str:
        """Returns the orders in words: `Upscale 12 images · esc-fast ×2`."""
        count = len({picture.number for picture, _ in orders})
        # Nothing is to be ordered while a job runs: then it is what the next click would be about.
        entries = {entry.path: entry for _, entry in orders} or {chosen.path: chosen}
        if len(entries) == 1:
            (entry,) = entries.values()
            what = f"{entry.name} ×{entry.scale}"
        else:
            scale = self._desk.panel.scales.scale
            what = self.tr("{models} models · ×{scale}").format(models=len(entries), scale=scale)
        if count > 1:
            return self.tr("Upscale {count} images · {what}").format(count=count, what=what)
        return self.tr("Upscale · {what}").format(what=what)

    def _about(self, orders: list[Order]) -> str:
        """Returns how long a click would keep the device busy, or "" where that is not known of every job."""
        session, settings = self._desk.session, self._desk.upscale_settings
        expected = [session.expected_seconds(picture, each.name, each.scale, settings) for picture, each in orders]
        if session.is_paused:
            expected += self._seconds_of_line()
        seconds = _sum(expected)
        return "" if seconds is None else self.tr("about {duration}").format(duration=about_text(seconds))

    def _other_scales(self, orders: list[Order]) -> str:
        """Returns a line for each ordered model that has no weights for the chosen scale."""
        scale = self._desk.panel.scales.scale
        others = {entry.path: entry for _, entry in orders if entry.scale != scale}
        return "\n".join(
            self.tr("{model} has no weights for ×{scale}: it makes ×{other}.").format(
                model=entry.name, scale=scale, other=entry.scale
            )
            for entry in others.values()
        )

    def _sizes(self, picture: Picture, scale: int) -> str:
        assert picture.info is not None
        height, width = picture.info.height, picture.info.width
        return self.tr("{size} → {larger} pixels").format(
            size=size_text(width, height), larger=size_text(width * scale, height * scale)
        )


def _sum(seconds: list[float | None]) -> float | None:
    """Returns their sum, or None where one is not known, or there are none."""
    known = [each for each in seconds if each is not None]
    return sum(known) if known and len(known) == len(seconds) else None
