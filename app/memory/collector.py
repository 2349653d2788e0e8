"""Makes readings of what the monitor and the workers tell. Imports `app.memory.readings` and the plain data of `engine`.

A *place* is where memory is: the host, or a GPU. Every place that is known has a history of its own. A worker at work tells ten
times a second what it holds and where. An idle one is silent: then the monitor's looks tell what it still holds, and since
nothing is computed, all of it that is not weights is cached.
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, NamedTuple

from app.memory.readings import History, Reading, TilePeak

if TYPE_CHECKING:
    # Not loaded by the window before its first paint: psutil takes a while.
    from engine.messages import WorkerMemory
    from engine.monitor import DeviceUse, MemoryUse, NoGpu

HOST = "host"
# A worker at work is heard ten times a second; one that has been silent for so long is idle.
_SILENT_S = 0.6


class Place(NamedTuple):
    """A GPU or the host. `key` stays the same: the GPU's uuid (its number where it has none), or HOST."""

    key: str
    name: str
    is_gpu: bool


class Plan(NamedTuple):
    """What a job was foretold, in bytes above the context; None where nobody knows."""

    predicted_bytes: int | None
    limit_bytes: int | None


class Collector:
    """Readings of every place, and the job's plan and peaks where it runs. `shown`: the key of the place to look at."""

    def __init__(self) -> None:
        self._use: MemoryUse | None = None
        self._workers: dict[int, WorkerMemory] = {}
        self._histories: dict[str, History] = {HOST: History()}
        # What each place has in total, and what other programs hold of it, as of the last look.
        self._totals: dict[str, tuple[float, float]] = {}
        self._plan: Plan | None = None
        self._ceiling = nan
        self._job_key: str | None = None
        self._tile_began_s: float | None = None
        self._tiles = 0
        self._is_in_job = False
        # The latest moment that was told of.
        self.now_s = 0.0

    @property
    def places(self) -> list[Place]:
        """The GPUs in their order, then the host."""
        devices = self._use.devices if self._use is not None else ()
        return [*(Place(_key(each), each.name, True) for each in devices), Place(HOST, "", False)]

    @property
    def job_key(self) -> str:
        """Where the models run: where they did last, and before that the first GPU, if one is of use."""
        if self._job_key is not None:
            return self._job_key
        return self.places[0].key if self.no_gpu is None else HOST

    @property
    def no_gpu(self) -> NoGpu | None:
        """Why the models do not run on a GPU, None where they may."""
        return self._use.no_gpu if self._use is not None else None

    @property
    def is_in_job(self) -> bool:
        """Whether a job is at work."""
        return self._is_in_job

    def history(self, key: str) -> History:
        """Returns the readings of a place."""
        return self._histories.setdefault(key, History())

    def clear(self) -> None:
        """Forgets all readings; what is known of the present stays."""
        for history in self._histories.values():
            history.clear()

    def show_use(self, use: MemoryUse) -> None:
        """Takes a look of the monitor."""
        self._use = use
        self.now_s = max(self.now_s, use.time_s)
        self._forget_the_ended(use)
        for place in self.places:
            self._note_other(place.key)
            self._read(place.key, use.time_s)

    def show_worker(self, memory: WorkerMemory) -> None:
        """Takes what a worker told."""
        self._workers[memory.process_id] = memory
        self.now_s = max(self.now_s, memory.time_s)
        self._job_key = self._key_of(memory)
        self._read(self._job_key, memory.time_s)

    def show_plan(self, predicted_bytes: int | None, limit_bytes: int | None, device: str) -> None:
        """Takes the plan of the job at work or about to begin; `device` as the engine names it, the first of a list."""
        first = device.partition(",")[0]
        self._job_key = self._key_of_device(first)
        self._plan = Plan(predicted_bytes, limit_bytes)
        last = self.history(self.job_key).last
        self._ceiling = nan if last is None or limit_bytes is None else last.other + last.context + limit_bytes

    def begin_job(self, time_s: float) -> None:
        """Takes note that tiles are about to come."""
        self._is_in_job = True
        self._tiles = 0
        self._tile_began_s = time_s

    def add_tile_peak(self, peak_bytes: int, time_s: float) -> None:
        """Takes the peak of a tile that has just ended."""
        self._tiles += 1
        began_s = time_s if self._tile_began_s is None else self._tile_began_s
        self.history(self.job_key).add_peak(TilePeak(began_s, time_s, peak_bytes, self._tiles))
        self._tile_began_s = time_s

    def end_job(self) -> None:
        """Takes note that the job is over, and with it its plan."""
        self._is_in_job = False
        self._plan = None
        self._ceiling = nan
        self._tile_began_s = None

    def _forget_the_ended(self, use: MemoryUse) -> None:
        """Forgets workers that were watched, are silent, and are not there any more."""
        there = {each.process_id for each in use.processes}
        for process_id, memory in list(self._workers.items()):
            if use.time_s - memory.time_s > _SILENT_S and process_id not in there:
                del self._workers[process_id]

    def _note_other(self, key: str) -> None:
        """Works out what other programs hold, from figures of one moment: taken between two looks, it would jump with ours."""
        use = self._use
        assert use is not None
        device = next((each for each in use.devices if _key(each) == key), None)
        if device is not None:
            total, used = device.total_bytes, device.used_bytes + device.reserved_bytes
            processes = {each.process_id: each.used_bytes for each in device.processes}
        else:
            total, used = use.host_total_bytes, use.host_used_bytes
            processes = {each.process_id: each.used_bytes for each in use.processes}
        ours = 0
        for memory in self._workers.values():
            if self._key_of(memory) == key:
                ours += processes.pop(memory.process_id, memory.reserved_bytes + (memory.context_bytes or 0))
        if device is None:
            # Workers that hold no model, or hold it on a GPU: the processes are ours all the same.
            ours += sum(processes.values())
        self._totals[key] = (total, min(max(used - ours, 0), total))

    def _read(self, key: str, time_s: float) -> None:
        """Adds a reading of a place, if enough is known for one."""
        if key not in self._totals:
            return
        total, other = self._totals[key]
        here = [memory for memory in self._workers.values() if self._key_of(memory) == key]
        layers = [self._of_worker(memory, time_s) for memory in here]
        if key == HOST and self._use is not None:
            known = {memory.process_id for memory in here}
            layers += [(each.used_bytes, 0, 0, 0) for each in self._use.processes if each.process_id not in known]
        context, weights, activations, cached = (float(sum(layer)) for layer in zip((0, 0, 0, 0), *layers, strict=True))
        reading = Reading(time_s, total, other, context, weights, activations, cached)
        if self._plan is not None and key == self.job_key:
            predicted, limit = self._plan.predicted_bytes, self._plan.limit_bytes
            reading = reading._replace(
                predicted=nan if predicted is None else predicted,
                limit=nan if limit is None else limit,
                ceiling=self._ceiling,
            )
        self.history(key).add(reading)

    def _of_worker(self, memory: WorkerMemory, time_s: float) -> tuple[float, float, float, float]:
        """Returns the layers of one worker: context, weights, activations, cached."""
        is_idle = time_s - memory.time_s > _SILENT_S
        seen = self._seen(memory)
        if memory.device.startswith("cuda"):
            context = max((seen or 0) - memory.reserved_bytes, 0)
            reserved = memory.reserved_bytes
        else:
            context = memory.context_bytes or 0
            reserved = max(seen - context, 0) if is_idle and seen is not None else memory.reserved_bytes
        weights = min(memory.weights_bytes, reserved)
        if is_idle:
            return context, weights, 0, reserved - weights
        allocated = reserved if memory.allocated_bytes is None else min(max(memory.allocated_bytes, weights), reserved)
        return context, weights, allocated - weights, reserved - allocated

    def _seen(self, memory: WorkerMemory) -> int | None:
        """Returns what the monitor saw the worker hold where it runs, None where it may not know."""
        use = self._use
        if use is None:
            return None
        processes = use.processes
        if memory.device.startswith("cuda"):
            key = self._key_of(memory)
            processes = next((each.processes for each in use.devices if _key(each) == key), ())
        return next((each.used_bytes for each in processes if each.process_id == memory.process_id), None)

    def _key_of(self, memory: WorkerMemory) -> str:
        devices = self._use.devices if self._use is not None else ()
        if memory.device_uuid and any(each.uuid == memory.device_uuid for each in devices):
            return memory.device_uuid
        return self._key_of_device(memory.device)

    def _key_of_device(self, device: str) -> str:
        """Returns the place of a device by its name alone: of a GPU, by its number among all."""
        kind, _, number = device.partition(":")
        devices = self._use.devices if self._use is not None else ()
        if kind != "cuda" or not devices:
            return HOST
        # What a worker said of itself is surer: some of the GPUs may be hidden from it, and the numbers shift.
        for memory in self._workers.values():
            if memory.device == device and any(each.uuid == memory.device_uuid for each in devices):
                return memory.device_uuid
        index = int(number) if number.isdigit() else 0
        return _key(next((each for each in devices if each.index == index), devices[0]))


def _key(device: DeviceUse) -> str:
    return device.uuid or f"gpu {device.index}"
