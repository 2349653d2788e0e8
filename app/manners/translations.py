"""The languages of the window. Imports QtCore and `resources`.

English is the language of the source. The others are `resources/translations/triptych_XX.ts`; `update.py` beside them brings them
up to the source and compiles them.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

import resources

# By code, each in its own words.
LANGUAGES = {"en": "English", "de": "Deutsch"}


def language_for(setting: str, locale: QLocale | None = None) -> str:
    """Returns the language to show: the one that is set, else the first of the desktop's that there is, else English."""
    if setting in LANGUAGES:
        return setting
    wanted = (locale or QLocale.system()).uiLanguages()
    found = (each.replace("_", "-").partition("-")[0] for each in wanted)
    return next((each for each in found if each in LANGUAGES), "en")


def install_translations(application: QCoreApplication, setting: str = "", locale: QLocale | None = None) -> str:
    """Has the window, and Qt's own words in it, speak the language set (or the desktop's) and returns its code.

    Before the first widget is made: words that are shown already stay. Where a file is missing, its words are English.
    """
    language = language_for(setting, locale)
    # Numbers and dates stay as the desktop writes them, but for a language that was chosen against it.
    if setting in LANGUAGES:
        QLocale.setDefault(QLocale(language))
    if language == "en":
        return language
    qt_folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    for file in (Path(qt_folder) / f"qtbase_{language}.qm", translation_file(language)):
        translator = QTranslator(application)
        if translator.load(str(file)):
            application.installTranslator(translator)
        else:
            translator.deleteLater()
    return language


def translation_file(language: str) -> Path:
    """Returns where a language's compiled words lie."""
    return resources.path("translations") / f"triptych_{language}.qm"
