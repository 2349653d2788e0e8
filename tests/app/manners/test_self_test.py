"""The card of the first start: which device, why, what to do; told once for each device."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.manners.self_test import DeviceFacts, SelfTestCard
from app.theme import Theme

CPU = {"device": "cpu", "name": "Some processor", "threads": 8, "cores": 16,
       "memory_total_bytes": 16 * 2**30, "memory_free_bytes": 9 * 2**30}  # fmt: skip
GPU = {"device": "cuda:0", "name": "NVIDIA H200", "capability": "9.0",
       "memory_total_bytes": 139 * 2**30, "memory_free_bytes": 138 * 2**30}  # fmt: skip
YES, NO = {"ok": True, "reason": ""}, {"ok": False, "reason": "the kernel did not compile here."}
WHY = "This torch is a CPU build. For an NVIDIA GPU, install a CUDA build: see https://pytorch.org/get-started/locally."
WITHOUT_GPU: dict[str, Any] = {
    "device": "cpu", "why_no_gpu": WHY, "devices": [CPU], "backends": {"window_attention": {"triton": NO, "sdpa": YES}},
}  # fmt: skip
WITH_GPU: dict[str, Any] = {
    "device": "cuda:0", "why_no_gpu": "", "devices": [GPU, CPU],
    "backends": {"window_attention": {"triton": YES}, "focused_attention": {"triton": YES}},
}  # fmt: skip


@pytest.fixture
def card(qtbot: QtBot, theme: Theme) -> SelfTestCard:
    card = SelfTestCard(theme)
    qtbot.addWidget(card)
    return card


def words(card: SelfTestCard) -> str:
    return "\n".join(label.text() for label in card.findChildren(QLabel) if not label.isHidden() and label.text())


def test_is_hidden_until_it_has_something_to_say(card: SelfTestCard) -> None:
    assert card.isHidden()


def test_without_a_gpu_it_says_why_and_what_to_do(card: SelfTestCard) -> None:
    assert card.show_report(WITHOUT_GPU)
    assert words(card) == (
        "Triptych computes on the CPU.\n"
        "Some processor · 8 threads · 9.0 of 16.0 GiB of memory free\n"
        f"It works, but slower than a GPU would. {WHY}"
    )
    assert WHY in card.accessibleDescription()


def test_a_gpu_is_named_with_its_memory(card: SelfTestCard) -> None:
    assert card.show_report(WITH_GPU)
    assert words(card) == (
        "Triptych computes on the NVIDIA H200.\n138.0 of 139.0 GiB of memory free · Triptych's own kernels"
    )


def test_a_gpu_without_our_kernels_says_so(card: SelfTestCard) -> None:
    backends = {"window_attention": {"triton": NO, "sdpa": YES}, "focused_attention": {"triton": YES}}
    card.show_report(WITH_GPU | {"backends": backends})
    assert "which is slower: the kernel did not compile here." in words(card)


def test_the_processor_beside_a_gpu_is_a_choice(card: SelfTestCard) -> None:
    card.show_report(WITH_GPU, "cpu")
    assert "There is a GPU, but the settings (Ctrl+,) choose the CPU." in words(card)


def test_a_device_that_is_gone_is_told(card: SelfTestCard) -> None:
    assert card.show_report(WITHOUT_GPU, "cuda:0")
    assert "cuda:0 is not there any more" in words(card)


def test_what_has_been_told_is_not_told_again(qtbot: QtBot, card: SelfTestCard) -> None:
    card.show_report(WITHOUT_GPU)
    with qtbot.waitSignal(card.dismissed) as told:
        QTest.keyClick(card, Qt.Key.Key_Escape)
    assert card.isHidden()
    assert not card.show_report(WITHOUT_GPU, told=told.args[0])
    assert card.isHidden()
    # Another device is news.
    assert card.show_report(WITH_GPU, told=told.args[0])


def test_a_worker_that_cannot_start_is_told_in_its_words(qtbot: QtBot, card: SelfTestCard) -> None:
    card.show_failure("torch cannot be loaded.", "Install it again.")
    assert words(card) == "Triptych cannot compute here.\ntorch cannot be loaded.\nInstall it again."
    with qtbot.waitSignal(card.dismissed) as told:
        card.close_button.click()
    # An error is told again at the next start.
    assert told.args == [""]


def test_the_report_can_be_copied_whole(card: SelfTestCard) -> None:
    card.show_report(WITHOUT_GPU)
    card.copy_button.click()
    text = QGuiApplication.clipboard().text()
    assert '"name": "Some processor"' in text
    assert "the kernel did not compile here." in text


def test_the_facts_of_the_real_report_can_be_read(engine: Any) -> None:
    facts = DeviceFacts.of(engine.examine())
    assert facts.name
    assert facts.memory_bytes
    assert facts.operators == 4
    assert facts.is_cpu is bool(facts.why_no_gpu)
