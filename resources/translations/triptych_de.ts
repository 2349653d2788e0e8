<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
    <context>
        <name>Actions</name>
        <message>
            <location filename="../../app/actions.py" />
            <source>Cancel</source>
            <translation>Abbrechen</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Choose images, or drop them anywhere on the window.</source>
            <translation>Bilder auswählen oder irgendwo auf das Fenster ziehen.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Choose the original in full size: the results are measured against it.</source>
            <translation>Das Original in voller Größe wählen: Daran werden die Ergebnisse gemessen.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Choose the result's folder, name and format.</source>
            <translation>Ordner, Namen und Format des Ergebnisses wählen.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Close image</source>
            <translation>Bild schließen</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Commands…</source>
            <translation>Befehle…</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Comparison sheet…</source>
            <translation>Vergleichsblatt…</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Esc leaves it.</source>
            <translation>Esc beendet es.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Find anything that can be done by its name.</source>
            <translation>Alles, was sich tun lässt, nach seinem Namen finden.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Full screen</source>
            <translation>Vollbild</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Go on from the tiles that are done.</source>
            <translation>Bei den fertigen Kacheln weitermachen.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Keys</source>
            <translation>Tasten</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Language, colours, where results go, and the device.</source>
            <translation>Sprache, Farben, Ablage der Ergebnisse und das Gerät.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>List every key.</source>
            <translation>Alle Tasten auflisten.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Open folder…</source>
            <translation>Ordner öffnen…</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Open…</source>
            <translation>Öffnen…</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Paste</source>
            <translation>Einfügen</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Pause</source>
            <translation>Pause</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Preview</source>
            <translation>Vorschau</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Quit</source>
            <translation>Beenden</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Resume</source>
            <translation>Fortsetzen</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Run a small part of the image through all ticked models.</source>
            <translation>Einen kleinen Teil des Bildes durch alle angekreuzten Modelle schicken.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Run the marked model on every image that lacks it.</source>
            <translation>Das markierte Modell auf jedes Bild anwenden, dem es noch fehlt.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Save</source>
            <translation>Speichern</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Save as…</source>
            <translation>Speichern unter…</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Save the marked region, or what is in view, of every picture side by side.</source>
            <translation>Den markierten Bereich, oder was zu sehen ist, von jedem Bild nebeneinander speichern.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Settings…</source>
            <translation>Einstellungen…</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Stop at once. Undo (Ctrl+Z), or Upscale (Ctrl+Return), goes on from what is finished.</source>
            <translation>Sofort aufhören. Rückgängig (Strg+Z) oder Vergrößern (Strg+Eingabe) macht bei dem weiter, was fertig ist.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Stop here, and go on later from the tiles that are done.</source>
            <translation>Hier anhalten und später bei den fertigen Kacheln weitermachen.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Take back what was last done to the list of images, or a cancel.</source>
            <translation>Zurücknehmen, was zuletzt an der Liste der Bilder geändert wurde, oder ein Abbrechen.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Take in every image of a folder.</source>
            <translation>Alle Bilder eines Ordners aufnehmen.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Take in the image, or the files, of the clipboard.</source>
            <translation>Das Bild oder die Dateien der Zwischenablage aufnehmen.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Take the image shown out of the window. Delete does it too.</source>
            <translation>Das gezeigte Bild aus dem Fenster nehmen. Auch Entf tut das.</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Undo</source>
            <translation>Rückgängig</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Upscale</source>
            <translation>Vergrößern</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Use a reference…</source>
            <translation>Referenz verwenden…</translation>
        </message>
        <message>
            <location filename="../../app/actions.py" />
            <source>Write the result beside its input, under a free name.</source>
            <translation>Das Ergebnis unter einem freien Namen neben das Bild schreiben.</translation>
        </message>
    </context>
    <context>
        <name>AttentionInspector</name>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>A slider goes through the network step by step.</source>
            <translation>Ein Schieberegler führt Schritt für Schritt durch das Netz.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Attention</source>
            <translation>Attention</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Attention inspector</source>
            <translation>Attention-Inspektor</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Click a pixel of the image</source>
            <translation>Klicken Sie auf einen Bildpunkt</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Computed in {duration} on {device}, {precision}.</source>
            <translation>Berechnet in {duration} auf {device}, {precision}.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>ESC convolves with a large kernel, to which each tile adds a small one of its own.</source>
            <translation>ESC faltet mit einem großen Kern, dem jede Kachel einen kleinen eigenen hinzufügt.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Look into the model from the same pixel once more.</source>
            <translation>Noch einmal vom selben Bildpunkt aus in das Modell blicken.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Looking into the model</source>
            <translation>Blick in das Modell</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Looking into {model}…</source>
            <translation>Blick in {model}…</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>PFT reads fewer and fewer tokens of its window, layer by layer.</source>
            <translation>PFT liest von Schicht zu Schicht immer weniger Tokens seines Fensters.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Pixel {x}, {y}</source>
            <translation>Bildpunkt {x}, {y}</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Press A and click a pixel</source>
            <translation>A drücken und auf einen Bildpunkt klicken</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>SSCAN reads a few whole windows, the most alike wherever they lie.</source>
            <translation>SSCAN liest einige ganze Fenster: die ähnlichsten, wo immer sie liegen.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Seen on a tile of {size} px</source>
            <translation>Gesehen auf einer Kachel von {size} px</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Show where {model} looks.</source>
            <translation>Zeigen, wohin {model} blickt.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Then click a pixel of it to see where the model looks.</source>
            <translation>Klicken Sie dann auf einen Bildpunkt, um zu sehen, wohin das Modell blickt.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Try again</source>
            <translation>Noch einmal</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>Upscale the image first</source>
            <translation>Vergrößern Sie zuerst das Bild</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>You will see where each model looks from that pixel of the image.</source>
            <translation>Sie sehen dann, wohin jedes Modell von diesem Bildpunkt aus blickt.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/panel.py" />
            <source>You will see where each model looks from there.</source>
            <translation>Sie sehen dann, wohin jedes Modell von dort aus blickt.</translation>
        </message>
    </context>
    <context>
        <name>Bar</name>
        <message>
            <location filename="../../app/compare/bar.py" />
            <source>Absolute</source>
            <translation>Absolut</translation>
        </message>
        <message>
            <location filename="../../app/compare/bar.py" />
            <source>Gain</source>
            <translation>Verstärkung</translation>
        </message>
        <message>
            <location filename="../../app/compare/bar.py" />
            <source>How smaller pictures are enlarged</source>
            <translation>Wie kleinere Bilder vergrößert werden</translation>
        </message>
        <message>
            <location filename="../../app/compare/bar.py" />
            <source>How the input is enlarged to the size of its result.
Above 300 % pixels are shown as squares.</source>
            <translation>Wie die Vorlage auf die Größe des Ergebnisses gebracht wird.
Ab 300 % erscheinen Bildpunkte als Quadrate.</translation>
        </message>
        <message>
            <location filename="../../app/compare/bar.py" />
            <source>Input: {method}</source>
            <translation>Vorlage: {method}</translation>
        </message>
        <message>
            <location filename="../../app/compare/bar.py" />
            <source>Kind of difference</source>
            <translation>Art der Differenz</translation>
        </message>
        <message>
            <location filename="../../app/compare/bar.py" />
            <source>Signed</source>
            <translation>Mit Vorzeichen</translation>
        </message>
        <message>
            <location filename="../../app/compare/bar.py" />
            <source>Structure (SSIM)</source>
            <translation>Struktur (SSIM)</translation>
        </message>
        <message>
            <location filename="../../app/compare/bar.py" />
            <source>What is shown of the difference between picture and base.</source>
            <translation>Was von der Differenz zwischen Bild und Basis gezeigt wird.</translation>
        </message>
    </context>
    <context>
        <name>Chip</name>
        <message>
            <location filename="../../app/compare/chip.py" />
            <source>{title} ({number}; hold to peek)
Shift and click, or the right button: make it the base (Shift+{number}).</source>
            <translation>{title} ({number}; halten, um kurz hinzusehen)
Umschalt und Klick oder die rechte Taste: zur Basis machen (Umschalt+{number}).</translation>
        </message>
    </context>
    <context>
        <name>CommandPalette</name>
        <message>
            <location filename="../../app/manners/palette.py" />
            <source>Command palette</source>
            <translation>Befehlspalette</translation>
        </message>
        <message>
            <location filename="../../app/manners/palette.py" />
            <source>Commands</source>
            <translation>Befehle</translation>
        </message>
        <message>
            <location filename="../../app/manners/palette.py" />
            <source>No command is called that.</source>
            <translation>So heißt kein Befehl.</translation>
        </message>
        <message>
            <location filename="../../app/manners/palette.py" />
            <source>Search commands</source>
            <translation>Befehle suchen</translation>
        </message>
        <message>
            <location filename="../../app/manners/palette.py" />
            <source>What do you want to do?</source>
            <translation>Was möchten Sie tun?</translation>
        </message>
    </context>
    <context>
        <name>Commands</name>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>1:1</source>
            <translation>1:1</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>All pictures at once. M: next layout.</source>
            <translation>Alle Bilder zugleich. M: nächste Anordnung.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>At the pointer, as the wheel does.</source>
            <translation>Am Zeiger, wie das Mausrad.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Attention inspector</source>
            <translation>Attention-Inspektor</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Base and picture beside each other. M: next layout.</source>
            <translation>Basis und Bild nebeneinander. M: nächste Anordnung.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Base and picture, parted by a line to drag. M: next layout.</source>
            <translation>Basis und Bild, durch eine verschiebbare Linie geteilt. M: nächste Anordnung.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Choose the gain so that the largest difference in view fills the scale.</source>
            <translation>Die Verstärkung so wählen, dass die größte sichtbare Differenz die Skala füllt.</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Clear</source>
            <translation>Leeren</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Clear the timeline</source>
            <translation>Zeitverlauf leeren</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Click a pixel to see where each model looks.</source>
            <translation>Auf einen Bildpunkt klicken, um zu sehen, wohin jedes Modell blickt.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Colours for the size of the difference, or the plain values.</source>
            <translation>Farben für die Größe der Differenz oder die reinen Werte.</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Copy a report on memory</source>
            <translation>Bericht über den Speicher kopieren</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Copy report</source>
            <translation>Bericht kopieren</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Copy what is known of memory to the clipboard, for the report of a bug. It names no files.</source>
            <translation>Was über den Speicher bekannt ist, für eine Fehlermeldung in die Zwischenablage kopieren. Dateien werden nicht genannt.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Ctrl with the arrow keys moves it.</source>
            <translation>Strg mit den Pfeiltasten verschiebt sie.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Difference</source>
            <translation>Differenz</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>False colour</source>
            <translation>Falschfarben</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Fit</source>
            <translation>Einpassen</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Forget the readings until now.</source>
            <translation>Die bisherigen Messwerte vergessen.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Grid</source>
            <translation>Raster</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Hold the picture still. The readings go on, and are there afterwards.</source>
            <translation>Das Bild anhalten. Die Messung läuft weiter und ist danach vollständig.</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Leave other programs out, and magnify what Triptych itself holds.</source>
            <translation>Andere Programme weglassen und vergrößern, was Triptych selbst belegt.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Less gain</source>
            <translation>Weniger Verstärkung</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Loupe</source>
            <translation>Lupe</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Mark what is in view; again, or Esc: clear it. Shift and drag marks a part of it.</source>
            <translation>Markieren, was zu sehen ist; noch einmal oder Esc: aufheben. Umschalt und Ziehen markiert einen Teil davon.</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Memory</source>
            <translation>Speicher</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Memory of Triptych only</source>
            <translation>Speicher nur von Triptych</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Memory readings as CSV…</source>
            <translation>Messwerte des Speichers als CSV…</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Memory report as JSON…</source>
            <translation>Bericht über den Speicher als JSON…</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Memory timeline as PNG…</source>
            <translation>Zeitverlauf des Speichers als PNG…</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>More gain</source>
            <translation>Mehr Verstärkung</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Next layout</source>
            <translation>Nächste Anordnung</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Normalise</source>
            <translation>Normieren</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>One</source>
            <translation>Einzeln</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>One picture, flipped in place with the digits. M: next layout.</source>
            <translation>Ein Bild, mit den Ziffern an Ort und Stelle gewechselt. M: nächste Anordnung.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>One pixel of the result on one of the screen.</source>
            <translation>Ein Bildpunkt des Ergebnisses auf einem des Bildschirms.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>One, wipe, side by side, grid.</source>
            <translation>Einzeln, Wischen, nebeneinander, Raster.</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Pause</source>
            <translation>Pause</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Pause the timeline</source>
            <translation>Zeitverlauf anhalten</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Picture and base trade places.</source>
            <translation>Bild und Basis tauschen die Plätze.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Pixel inspector</source>
            <translation>Pixel-Inspektor</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Region</source>
            <translation>Bereich</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Resume</source>
            <translation>Fortsetzen</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Resume the timeline</source>
            <translation>Zeitverlauf fortsetzen</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Save every reading, in bytes.</source>
            <translation>Alle Messwerte speichern, in Byte.</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Save what the panel shows.</source>
            <translation>Speichern, was die Leiste zeigt.</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Save what the report of a bug needs. It names no files.</source>
            <translation>Speichern, was eine Fehlermeldung braucht. Dateien werden nicht genannt.</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Say how the models can be made to run on a GPU.</source>
            <translation>Sagen, wie die Modelle auf einer GPU laufen können.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Show differences larger.</source>
            <translation>Differenzen stärker zeigen.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Show differences smaller.</source>
            <translation>Differenzen schwächer zeigen.</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Show or hide where the memory goes.</source>
            <translation>Zeigen oder verbergen, wohin der Speicher geht.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Show the difference first (D).</source>
            <translation>Zeigen Sie zuerst die Differenz (D).</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Show the tiles of the plan over the image.</source>
            <translation>Die Kacheln des Plans über dem Bild zeigen.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Show the whole image.</source>
            <translation>Das ganze Bild zeigen.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Side by side</source>
            <translation>Nebeneinander</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Swap</source>
            <translation>Tauschen</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>The spot under the pointer, enlarged, in every picture.</source>
            <translation>Die Stelle unter dem Zeiger, vergrößert, in jedem Bild.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>The values under the pointer, in every picture.</source>
            <translation>Die Werte unter dem Zeiger, in jedem Bild.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>There is no image yet.</source>
            <translation>Es gibt noch kein Bild.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>There is no plan of tiles for this image yet.</source>
            <translation>Für dieses Bild gibt es noch keinen Kachelplan.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>There is only the image itself: upscale it, or use a reference.</source>
            <translation>Es gibt nur das Bild selbst: Vergrößern Sie es oder verwenden Sie eine Referenz.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>This is for the wipe.</source>
            <translation>Das gehört zum Wischen.</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Tile grid</source>
            <translation>Kachelraster</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>Triptych only</source>
            <translation>Nur Triptych</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Turn the divider</source>
            <translation>Trennlinie drehen</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>What differs from the base; again: back.</source>
            <translation>Was von der Basis abweicht; noch einmal: zurück.</translation>
        </message>
        <message>
            <location filename="../../app/memory/commands.py" />
            <source>What to do…</source>
            <translation>Was tun…</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Wipe</source>
            <translation>Wischen</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Zoom in</source>
            <translation>Vergrößert zeigen</translation>
        </message>
        <message>
            <location filename="../../app/compare/commands.py" />
            <source>Zoom out</source>
            <translation>Verkleinert zeigen</translation>
        </message>
    </context>
    <context>
        <name>ComparisonView</name>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Alt+Arrows</source>
            <translation>Alt+Pfeile</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Arrows</source>
            <translation>Pfeile</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Comparison</source>
            <translation>Vergleich</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Ctrl+Arrows</source>
            <translation>Strg+Pfeile</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Double click</source>
            <translation>Doppelklick</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>From the whole picture to 1:1, and back</source>
            <translation>Vom ganzen Bild zu 1:1 und zurück</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Leave peek, region, inspector, loupe, preview, full screen or a notice</source>
            <translation>Kurzblick, Bereich, Inspektor, Lupe, Vorschau, Vollbild oder eine Meldung verlassen</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Make a picture the base, which others are compared with</source>
            <translation>Ein Bild zur Basis machen, mit der andere verglichen werden</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Mark a region; a click clears it</source>
            <translation>Einen Bereich markieren; ein Klick hebt ihn auf</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Move the divider of a wipe</source>
            <translation>Die Trennlinie des Wischens verschieben</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Move the frame of the preview</source>
            <translation>Den Rahmen der Vorschau verschieben</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Move the picture; with Shift further</source>
            <translation>Das Bild verschieben; mit Umschalt weiter</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Peek at the base while it is held</source>
            <translation>Die Basis zeigen, solange gehalten</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Pick the pixel at the pointer for the attention inspector</source>
            <translation>Den Bildpunkt am Zeiger für den Aufmerksamkeitsinspektor wählen</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Pictures</source>
            <translation>Bilder</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Return</source>
            <translation>Eingabe</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Shift+Drag</source>
            <translation>Umschalt+Ziehen</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Show a picture; hold to peek</source>
            <translation>Ein Bild zeigen; halten für einen Kurzblick</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Space</source>
            <translation>Leertaste</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Wheel</source>
            <translation>Mausrad</translation>
        </message>
        <message>
            <location filename="../../app/compare/view.py" />
            <source>Zoom at the pointer</source>
            <translation>Am Zeiger zoomen</translation>
        </message>
    </context>
    <context>
        <name>ConfirmLoss</name>
        <message>
            <location filename="../../app/dialogs/closing.py" />
            <source>Keep working</source>
            <translation>Weiterarbeiten</translation>
        </message>
    </context>
    <context>
        <name>CountChart</name>
        <message>
            <location filename="../../app/inspector/count_chart.py" />
            <source>Tokens left after each layer</source>
            <translation>Tokens, die nach jeder Schicht bleiben</translation>
        </message>
        <message>
            <location filename="../../app/inspector/count_chart.py" />
            <source>Tokens left after each layer: {counts}.
Click a bar to see it.</source>
            <translation>Tokens, die nach jeder Schicht bleiben: {counts}.
Ein Klick auf einen Balken zeigt sie.</translation>
        </message>
    </context>
    <context>
        <name>CrashReporter</name>
        <message>
            <location filename="../../app/crash.py" />
            <source>Something unforeseen went wrong ({what}).</source>
            <translation>Etwas Unvorhergesehenes ging schief ({what}).</translation>
        </message>
        <message>
            <location filename="../../app/crash.py" />
            <source>You can go on, but save your results first. The report helps us to mend it.</source>
            <translation>Sie können weiterarbeiten, speichern Sie aber zuerst Ihre Ergebnisse. Der Bericht hilft uns, den Fehler zu beheben.</translation>
        </message>
    </context>
    <context>
        <name>DropArea</name>
        <message>
            <location filename="../../app/widgets/drop_area.py" />
            <source>Drop area</source>
            <translation>Ablagefläche</translation>
        </message>
        <message>
            <location filename="../../app/widgets/drop_area.py" />
            <source>Drop images here</source>
            <translation>Bilder hierher ziehen</translation>
        </message>
        <message>
            <location filename="../../app/widgets/drop_area.py" />
            <source>Drop it here as the reference of {name}</source>
            <translation>Hier ablegen als Referenz für {name}</translation>
        </message>
        <message>
            <location filename="../../app/widgets/drop_area.py" />
            <source>Folders too, and images from the clipboard. Checkpoints (.safetensors, .pth) become models.</source>
            <translation>Auch Ordner und Bilder aus der Zwischenablage. Checkpoints (.safetensors, .pth) werden zu Modellen.</translation>
        </message>
        <message>
            <location filename="../../app/widgets/drop_area.py" />
            <source>It takes {formats}, in 8 or 16 bits.</source>
            <translation>Angenommen werden {formats} mit 8 oder 16 Bit.</translation>
        </message>
        <message>
            <location filename="../../app/widgets/drop_area.py" />
            <source>Let go to open</source>
            <translation>Loslassen zum Öffnen</translation>
        </message>
        <message>
            <location filename="../../app/widgets/drop_area.py" />
            <source>Open…</source>
            <translation>Öffnen…</translation>
        </message>
    </context>
    <context>
        <name>Exporting</name>
        <message>
            <location filename="../../app/windows/exporting.py" />
            <source>Choose another folder.</source>
            <translation>Wählen Sie einen anderen Ordner.</translation>
        </message>
        <message>
            <location filename="../../app/windows/exporting.py" />
            <source>The comparison sheet is {path}.</source>
            <translation>Das Vergleichsblatt ist {path}.</translation>
        </message>
        <message>
            <location filename="../../app/windows/exporting.py" />
            <source>There is nothing to compare yet: upscale the image first.</source>
            <translation>Es gibt noch nichts zu vergleichen: Vergrößern Sie zuerst das Bild.</translation>
        </message>
        <message>
            <location filename="../../app/windows/exporting.py" />
            <source>Writing {name}…</source>
            <translation>{name} wird geschrieben…</translation>
        </message>
        <message>
            <location filename="../../app/windows/exporting.py" />
            <source>{name}   {width} × {height} pixels from {left}, {top}</source>
            <translation>{name}   {width} × {height} Bildpunkte ab {left}, {top}</translation>
        </message>
    </context>
    <context>
        <name>Figures</name>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Activations</source>
            <translation>Aktivierungen</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>All memory that there is.</source>
            <translation>Der gesamte vorhandene Speicher.</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>All that other programs hold, and the system, and this window.</source>
            <translation>Alles, was andere Programme, das System und dieses Fenster belegen.</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Allocated</source>
            <translation>Belegt</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Cached</source>
            <translation>Vorgehalten</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Context</source>
            <translation>Kontext</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Free</source>
            <translation>Frei</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Held by the allocator and free for the next tile.</source>
            <translation>Von der Speicherverwaltung gehalten und frei für die nächste Kachel.</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Libraries</source>
            <translation>Bibliotheken</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Limit</source>
            <translation>Grenze</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Other programs</source>
            <translation>Andere Programme</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Peak of a tile</source>
            <translation>Spitze einer Kachel</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Peak, tile {number}</source>
            <translation>Spitze, Kachel {number}</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Predicted</source>
            <translation>Vorhersage</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Reserved</source>
            <translation>Reserviert</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>The highest that a tile reached, counted as Reserved is.</source>
            <translation>Das Höchste, was eine Kachel erreicht hat, gezählt wie „Reserviert“.</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>The highest that the plan of the job expects, counted as Reserved is.</source>
            <translation>Das Höchste, was der Plan des Auftrags erwartet, gezählt wie „Reserviert“.</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>The parameters of the model.</source>
            <translation>Die Parameter des Modells.</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>The worker without a model: the interpreter and its libraries.</source>
            <translation>Der Arbeitsprozess ohne Modell: der Interpreter und seine Bibliotheken.</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Total</source>
            <translation>Gesamt</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Weights</source>
            <translation>Gewichte</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Weights and activations together.</source>
            <translation>Gewichte und Aktivierungen zusammen.</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>Weights, activations and cached together.</source>
            <translation>Gewichte, Aktivierungen und Vorgehaltenes zusammen.</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>What a job may use, counted as Reserved is: what was free when it was planned, less a reserve.</source>
            <translation>Was ein Auftrag nutzen darf, gezählt wie „Reserviert“: was beim Planen frei war, abzüglich einer Reserve.</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>What could be had without taking it from anybody.</source>
            <translation>Was zu haben wäre, ohne es jemandem wegzunehmen.</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>What the driver needs to run programs of ours: CUDA's context and the kernels.</source>
            <translation>Was der Treiber für unsere Programme braucht: den Kontext von CUDA und die Kernel.</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>What the network computes with while it runs a tile.</source>
            <translation>Womit das Netz rechnet, während es eine Kachel bearbeitet.</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>no job is planned</source>
            <translation>kein Auftrag geplant</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>no tile yet</source>
            <translation>noch keine Kachel</translation>
        </message>
        <message>
            <location filename="../../app/memory/figures.py" />
            <source>unknown</source>
            <translation>unbekannt</translation>
        </message>
    </context>
    <context>
        <name>Header</name>
        <message>
            <location filename="../../app/memory/header.py" />
            <source>Choose the device whose memory is shown.</source>
            <translation>Das Gerät wählen, dessen Speicher gezeigt wird.</translation>
        </message>
        <message>
            <location filename="../../app/memory/header.py" />
            <source>Host memory</source>
            <translation>Hauptspeicher</translation>
        </message>
        <message>
            <location filename="../../app/memory/header.py" />
            <source>Save the readings, the picture or a report.</source>
            <translation>Die Messwerte, das Bild oder einen Bericht speichern.</translation>
        </message>
        <message>
            <location filename="../../app/memory/header.py" />
            <source>Save…</source>
            <translation>Speichern…</translation>
        </message>
        <message>
            <location filename="../../app/memory/header.py" />
            <source>Which memory is shown</source>
            <translation>Welcher Speicher gezeigt wird</translation>
        </message>
    </context>
    <context>
        <name>HeatLegend</name>
        <message>
            <location filename="../../app/inspector/legend.py" />
            <source>Colours from weak to strong</source>
            <translation>Farben von schwach bis stark</translation>
        </message>
        <message>
            <location filename="../../app/inspector/legend.py" />
            <source>Relative to the strongest. The colours follow the square root, so that weak ones are seen.</source>
            <translation>Bezogen auf das Stärkste. Die Farben folgen der Quadratwurzel, damit auch Schwaches zu sehen ist.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/legend.py" />
            <source>strong</source>
            <translation>stark</translation>
        </message>
        <message>
            <location filename="../../app/inspector/legend.py" />
            <source>weak</source>
            <translation>schwach</translation>
        </message>
    </context>
    <context>
        <name>Helping</name>
        <message>
            <location filename="../../app/windows/helping.py" />
            <source>Close Triptych and open it again.</source>
            <translation>Schließen Sie Triptych und öffnen Sie es wieder.</translation>
        </message>
        <message>
            <location filename="../../app/windows/helping.py" />
            <source>The new language is shown from the next start on.</source>
            <translation>Die neue Sprache erscheint ab dem nächsten Start.</translation>
        </message>
    </context>
    <context>
        <name>Inspecting</name>
        <message>
            <location filename="../../app/windows/inspecting.py" />
            <source>The worker is busy with a job.</source>
            <translation>Der Arbeitsprozess ist mit einem Auftrag beschäftigt.</translation>
        </message>
        <message>
            <location filename="../../app/windows/inspecting.py" />
            <source>Wait until it is done, or pause it (Ctrl+Shift+.), then pick the pixel again.</source>
            <translation>Warten Sie, bis er fertig ist, oder halten Sie ihn an (Strg+Umschalt+.), und wählen Sie den Bildpunkt noch einmal.</translation>
        </message>
    </context>
    <context>
        <name>Keeping</name>
        <message>
            <location filename="../../app/windows/keeping.py" />
            <source>Begin with the first of the list.</source>
            <translation>Mit dem Ersten der Liste beginnen.</translation>
        </message>
        <message>
            <location filename="../../app/windows/keeping.py" />
            <source>Discard</source>
            <translation>Verwerfen</translation>
        </message>
        <message>
            <location filename="../../app/windows/keeping.py" />
            <source>Start</source>
            <translation>Starten</translation>
        </message>
        <message>
            <location filename="../../app/windows/keeping.py" />
            <source>Take them out of the line; the images stay open.</source>
            <translation>Sie aus der Reihe nehmen; die Bilder bleiben offen.</translation>
        </message>
        <message>
            <location filename="../../app/windows/keeping.py" />
            <source>The model is not there any more.</source>
            <translation>Das Modell ist nicht mehr da.</translation>
        </message>
        <message>
            <location filename="../../app/windows/keeping.py" />
            <source>What was in line for {title} is left out.</source>
            <translation>Was für {title} in der Reihe stand, entfällt.</translation>
        </message>
    </context>
    <context>
        <name>KernelDetails</name>
        <message>
            <location filename="../../app/inspector/kernel_details.py" />
            <source>All channels (mean)</source>
            <translation>Alle Kanäle (Mittel)</translation>
        </message>
        <message>
            <location filename="../../app/inspector/kernel_details.py" />
            <source>Channel</source>
            <translation>Kanal</translation>
        </message>
        <message>
            <location filename="../../app/inspector/kernel_details.py" />
            <source>Channel {number}</source>
            <translation>Kanal {number}</translation>
        </message>
        <message>
            <location filename="../../app/inspector/kernel_details.py" />
            <source>Over the image: the {edge} × {edge} px around the pixel, and how strong the whole kernel is there.</source>
            <translation>Über dem Bild: die {edge} × {edge} px um den Bildpunkt und wie stark der ganze Kern dort ist.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/kernel_details.py" />
            <source>Shown is what a channel makes of itself; the shared kernel mixes all {count} as well.</source>
            <translation>Gezeigt wird, was ein Kanal aus sich selbst macht; der gemeinsame Kern mischt auch alle {count}.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/kernel_details.py" />
            <source>The convolution has a kernel for each of its channels.</source>
            <translation>Die Faltung hat für jeden ihrer Kanäle einen Kern.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/kernel_details.py" />
            <source>The shared kernel is the same everywhere in the network; the small one is made from this tile.</source>
            <translation>Der gemeinsame Kern ist überall im Netz derselbe; der kleine entsteht aus dieser Kachel.</translation>
        </message>
    </context>
    <context>
        <name>KernelView</name>
        <message>
            <location filename="../../app/inspector/kernel_view.py" />
            <source>Blue is negative, orange positive, black nothing.</source>
            <translation>Blau ist negativ, Orange positiv, Schwarz null.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/kernel_view.py" />
            <source>Kernels</source>
            <translation>Kerne</translation>
        </message>
        <message>
            <location filename="../../app/inspector/kernel_view.py" />
            <source>Shared</source>
            <translation>Gemeinsam</translation>
        </message>
        <message>
            <location filename="../../app/inspector/kernel_view.py" />
            <source>Sum</source>
            <translation>Summe</translation>
        </message>
        <message>
            <location filename="../../app/inspector/kernel_view.py" />
            <source>This tile</source>
            <translation>Diese Kachel</translation>
        </message>
        <message>
            <location filename="../../app/inspector/kernel_view.py" />
            <source>{name}: up to {value}</source>
            <translation>{name}: bis {value}</translation>
        </message>
    </context>
    <context>
        <name>Keys</name>
        <message>
            <location filename="../../app/dialogs/keys.py" />
            <source>Alt+Up, Alt+Down</source>
            <translation>Alt+Auf, Alt+Ab</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/keys.py" />
            <source>Comparison</source>
            <translation>Vergleich</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/keys.py" />
            <source>Everywhere</source>
            <translation>Überall</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/keys.py" />
            <source>Keys</source>
            <translation>Tasten</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/keys.py" />
            <source>Left, Right</source>
            <translation>Links, Rechts</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/keys.py" />
            <source>List of images</source>
            <translation>Bilderliste</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/keys.py" />
            <source>Memory</source>
            <translation>Speicher</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/keys.py" />
            <source>Move the image up or down</source>
            <translation>Das Bild nach oben oder unten schieben</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/keys.py" />
            <source>Open the menu</source>
            <translation>Das Menü öffnen</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/keys.py" />
            <source>Read the moments one by one; Esc ends it</source>
            <translation>Die Zeitpunkte einzeln ablesen; Esc beendet es</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/keys.py" />
            <source>Show less or more of the past</source>
            <translation>Weniger oder mehr der Vergangenheit zeigen</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/keys.py" />
            <source>The keys of the list, the comparison and the memory act while these have the focus: click on them.</source>
            <translation>Die Tasten der Liste, des Vergleichs und des Speichers wirken, solange diese den Fokus haben: Klicken Sie darauf.</translation>
        </message>
    </context>
    <context>
        <name>MainWindow</name>
        <message>
            <location filename="../../app/windows/main_window.py" />
            <source>Close Triptych</source>
            <translation>Triptych schließen</translation>
        </message>
        <message>
            <location filename="../../app/windows/main_window.py" />
            <source>Ready on {device}, {precision}.</source>
            <translation>Bereit auf {device}, {precision}.</translation>
        </message>
        <message>
            <location filename="../../app/windows/main_window.py" />
            <source>Zoom {percent}</source>
            <translation>Zoom {percent}</translation>
        </message>
        <message>
            <location filename="../../app/windows/main_window.py" />
            <source>{names} and {last}</source>
            <translation>{names} und {last}</translation>
        </message>
    </context>
    <context>
        <name>MemoryPanel</name>
        <message>
            <location filename="../../app/memory/panel.py" />
            <source>GPU memory</source>
            <translation>GPU-Speicher</translation>
        </message>
        <message>
            <location filename="../../app/memory/panel.py" />
            <source>Loading the timeline…</source>
            <translation>Der Zeitverlauf wird geladen…</translation>
        </message>
        <message>
            <location filename="../../app/memory/panel.py" />
            <source>Memory</source>
            <translation>Speicher</translation>
        </message>
        <message>
            <location filename="../../app/memory/panel.py" />
            <source>Paused</source>
            <translation>Angehalten</translation>
        </message>
        <message>
            <location filename="../../app/memory/panel.py" />
            <source>Saved as {name}.</source>
            <translation>Gespeichert als {name}.</translation>
        </message>
        <message>
            <location filename="../../app/memory/panel.py" />
            <source>The first readings come in a moment.</source>
            <translation>Die ersten Messwerte kommen gleich.</translation>
        </message>
        <message>
            <location filename="../../app/memory/panel.py" />
            <source>The models can run on a GPU.</source>
            <translation>Die Modelle können auf einer GPU laufen.</translation>
        </message>
        <message>
            <location filename="../../app/memory/panel.py" />
            <source>The report is in the clipboard.</source>
            <translation>Der Bericht ist in der Zwischenablage.</translation>
        </message>
        <message>
            <location filename="../../app/memory/panel.py" />
            <source>The timeline cannot be shown: {problem}.</source>
            <translation>Der Zeitverlauf kann nicht gezeigt werden: {problem}.</translation>
        </message>
        <message>
            <location filename="../../app/memory/panel.py" />
            <source>There are no readings yet.</source>
            <translation>Es gibt noch keine Messwerte.</translation>
        </message>
        <message>
            <location filename="../../app/memory/panel.py" />
            <source>Triptych {ours} · others {other} of {total}</source>
            <translation>Triptych {ours} · andere {other} von {total}</translation>
        </message>
        <message>
            <location filename="../../app/memory/panel.py" />
            <source>{name} cannot be written: {reason}</source>
            <translation>{name} kann nicht geschrieben werden: {reason}</translation>
        </message>
    </context>
    <context>
        <name>ModelCard</name>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>Added by you: {file}</source>
            <translation>Von Ihnen hinzugefügt: {file}</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>Comes with Triptych: {file}</source>
            <translation>Kommt mit Triptych: {file}</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>PSNR-Y {value} dB on {images}</source>
            <translation>PSNR-Y {value} dB auf {images}</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>Preview and show {name}</source>
            <translation>{name} in Vorschau und Vergleich zeigen</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>Ticked models are in the preview (Ctrl+R), and their results in the panes.</source>
            <translation>Angekreuzte Modelle sind in der Vorschau (Strg+R) und ihre Ergebnisse im Vergleich.</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>added by you</source>
            <translation>von Ihnen hinzugefügt</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>{count} parameters</source>
            <translation>{count} Parameter</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>{value} dB</source>
            <translation>{value} dB</translation>
        </message>
    </context>
    <context>
        <name>ModelPanel</name>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>Looking for models…</source>
            <translation>Modelle werden gesucht…</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>Model</source>
            <translation>Modell</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>Run all ticked models</source>
            <translation>Alle angekreuzten Modelle ausführen</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>Save each result</source>
            <translation>Jedes Ergebnis speichern</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>Scale</source>
            <translation>Maßstab</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>There are no models here. `triptych models add FILE` adds a checkpoint.</source>
            <translation>Hier gibt es keine Modelle. `triptych models add DATEI` fügt einen Checkpoint hinzu.</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>Upscale runs every ticked model on every image, not only the marked one.</source>
            <translation>Vergrößern führt jedes angekreuzte Modell für jedes Bild aus, nicht nur das gewählte.</translation>
        </message>
        <message>
            <location filename="../../app/widgets/model_panel.py" />
            <source>Where and how results are saved</source>
            <translation>Wo und wie Ergebnisse gespeichert werden</translation>
        </message>
    </context>
    <context>
        <name>Notice</name>
        <message>
            <location filename="../../app/widgets/notice.py" />
            <source>Copy report</source>
            <translation>Bericht kopieren</translation>
        </message>
        <message>
            <location filename="../../app/widgets/notice.py" />
            <source>Details</source>
            <translation>Einzelheiten</translation>
        </message>
        <message>
            <location filename="../../app/widgets/notice.py" />
            <source>Dismiss</source>
            <translation>Ausblenden</translation>
        </message>
        <message>
            <location filename="../../app/widgets/notice.py" />
            <source>Dismiss (Esc)</source>
            <translation>Ausblenden (Esc)</translation>
        </message>
        <message>
            <location filename="../../app/widgets/notice.py" />
            <source>Error</source>
            <translation>Fehler</translation>
        </message>
        <message>
            <location filename="../../app/widgets/notice.py" />
            <source>Put the message and its details on the clipboard.</source>
            <translation>Die Meldung mit ihren Einzelheiten in die Zwischenablage legen.</translation>
        </message>
        <message>
            <location filename="../../app/widgets/notice.py" />
            <source>Show what the program itself says about it.</source>
            <translation>Zeigen, was das Programm selbst dazu sagt.</translation>
        </message>
        <message>
            <location filename="../../app/widgets/notice.py" />
            <source>Warning</source>
            <translation>Warnung</translation>
        </message>
    </context>
    <context>
        <name>NoticeStack</name>
        <message>
            <location filename="../../app/widgets/notice.py" />
            <source>{name} and {count} more: {warning}</source>
            <translation>{name} und {count} weitere: {warning}</translation>
        </message>
    </context>
    <context>
        <name>Opening</name>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>A reference has exactly 1, 2, 3 or 4 times the pixels of the image on each side: {sizes}.</source>
            <translation>Eine Referenz hat auf jeder Seite genau 1-, 2-, 3- oder 4-mal so viele Bildpunkte wie das Bild: {sizes}.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>Added {name} ×{scale}. It is in the list of models now.</source>
            <translation>{name} ×{scale} ist hinzugefügt und steht jetzt in der Modellliste.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>Checking the checkpoint {name}…</source>
            <translation>Der Checkpoint {name} wird geprüft…</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>Copy an image, or files, in another program first.</source>
            <translation>Kopieren Sie zuerst in einem anderen Programm ein Bild oder Dateien.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>Discard</source>
            <translation>Verwerfen</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>Go on from the tiles that are done.</source>
            <translation>Bei den fertigen Kacheln weitermachen.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>It takes the formats that the drop area names; folders inside it are looked into too.</source>
            <translation>Angenommen werden die Formate, die die Ablagefläche nennt; auch Ordner darin werden durchsucht.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>Open an image from a folder that can be written to; pasted images are put beside it.</source>
            <translation>Öffnen Sie ein Bild aus einem beschreibbaren Ordner; eingefügte Bilder werden daneben abgelegt.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>Pasted image</source>
            <translation>Eingefügtes Bild</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>Remove what was done of them.</source>
            <translation>Entfernen, was davon fertig war.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>Resume</source>
            <translation>Fortsetzen</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>Save it first, then drop the file.</source>
            <translation>Speichern Sie es zuerst und ziehen Sie dann die Datei hierher.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>The pasted image cannot be written into {folder}.</source>
            <translation>Das eingefügte Bild kann nicht in {folder} geschrieben werden.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>The result is {path}.</source>
            <translation>Das Ergebnis ist {path}.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>There is no image in the clipboard.</source>
            <translation>In der Zwischenablage ist kein Bild.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>There is no image in the folder {name}.</source>
            <translation>Im Ordner {name} ist kein Bild.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>{name} has {size} pixels and cannot be the reference of {image}.</source>
            <translation>{name} hat {size} Bildpunkte und kann nicht die Referenz von {image} sein.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>{name} is finished.</source>
            <translation>{name} ist fertig.</translation>
        </message>
        <message>
            <location filename="../../app/windows/opening.py" />
            <source>{name} is not a file on this computer.</source>
            <translation>{name} ist keine Datei auf diesem Rechner.</translation>
        </message>
    </context>
    <context>
        <name>PictureList</name>
        <message>
            <location filename="../../app/widgets/picture_list.py" />
            <source>Drop more images here</source>
            <translation>Weitere Bilder hierher ziehen</translation>
        </message>
        <message>
            <location filename="../../app/widgets/picture_list.py" />
            <source>Images</source>
            <translation>Bilder</translation>
        </message>
    </context>
    <context>
        <name>Previewing</name>
        <message>
            <location filename="../../app/windows/previewing.py" />
            <source>Preview. Drag the frame to look elsewhere; Ctrl+R goes back to the results.</source>
            <translation>Vorschau. Der Rahmen lässt sich an andere Stellen ziehen; Strg+R führt zu den Ergebnissen zurück.</translation>
        </message>
        <message>
            <location filename="../../app/windows/previewing.py" />
            <source>Previewing with {count} models…</source>
            <translation>Vorschau mit {count} Modellen…</translation>
        </message>
    </context>
    <context>
        <name>ProgressStrip</name>
        <message>
            <location filename="../../app/widgets/progress_strip.py" />
            <source>About {duration} left</source>
            <translation>Noch etwa {duration}</translation>
        </message>
        <message>
            <location filename="../../app/widgets/progress_strip.py" />
            <source>Open the folder that holds the saved file.</source>
            <translation>Den Ordner mit der gespeicherten Datei öffnen.</translation>
        </message>
        <message>
            <location filename="../../app/widgets/progress_strip.py" />
            <source>Progress</source>
            <translation>Fortschritt</translation>
        </message>
        <message>
            <location filename="../../app/widgets/progress_strip.py" />
            <source>Progress of the job</source>
            <translation>Fortschritt des Auftrags</translation>
        </message>
        <message>
            <location filename="../../app/widgets/progress_strip.py" />
            <source>Show in folder</source>
            <translation>Im Ordner zeigen</translation>
        </message>
        <message>
            <location filename="../../app/widgets/progress_strip.py" />
            <source>Tile {done} of {tiles}</source>
            <translation>Kachel {done} von {tiles}</translation>
        </message>
        <message>
            <location filename="../../app/widgets/progress_strip.py" />
            <source>{duration} left</source>
            <translation>noch {duration}</translation>
        </message>
        <message>
            <location filename="../../app/widgets/progress_strip.py" />
            <source>{left}, {total} in all</source>
            <translation>{left}, insgesamt {total}</translation>
        </message>
    </context>
    <context>
        <name>Queueing</name>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>A job is still running.</source>
            <translation>Ein Auftrag läuft noch.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>Cancel this image</source>
            <translation>Dieses Bild abbrechen</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>Close image</source>
            <translation>Bild schließen</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>Close the image</source>
            <translation>Das Bild schließen</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>Do first</source>
            <translation>Als Erstes</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>Do last</source>
            <translation>Als Letztes</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>It has {size} pixels, and a reference of {name} has {sizes}.</source>
            <translation>Es hat {size} Bildpunkte, und eine Referenz von {name} hat {sizes}.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>It is in the line already.</source>
            <translation>Es ist schon in der Reihe.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>It is offered again at the next start.</source>
            <translation>Beim nächsten Start wird es wieder angeboten.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>It is the first already.</source>
            <translation>Es ist schon das erste.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>It is the image that is shown: turn to another one first.</source>
            <translation>Es ist das gezeigte Bild: Wechseln Sie zuerst zu einem anderen.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>It is the last already.</source>
            <translation>Es ist schon das letzte.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>It was in {folder}.</source>
            <translation>Es war in {folder}.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>It will be cancelled.</source>
            <translation>Er wird abgebrochen.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>It will be lost.</source>
            <translation>Es geht verloren.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>No image is shown that it could be the reference of.</source>
            <translation>Es wird kein Bild gezeigt, dessen Referenz es sein könnte.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>Nothing has failed for this image.</source>
            <translation>Für dieses Bild ist nichts fehlgeschlagen.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>Nothing runs for this image.</source>
            <translation>Für dieses Bild läuft nichts.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>Show in folder</source>
            <translation>Im Ordner zeigen</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>Take the images out</source>
            <translation>Bilder herausnehmen</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>The image is still being opened.</source>
            <translation>Das Bild wird noch geöffnet.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>The result {title} is not saved.</source>
            <translation>Das Ergebnis {title} ist nicht gespeichert.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>There is nothing to take back.</source>
            <translation>Es gibt nichts zurückzunehmen.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>They will be lost.</source>
            <translation>Sie gehen verloren.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>Try again</source>
            <translation>Noch einmal</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>Use as a reference</source>
            <translation>Als Referenz verwenden</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>Use as the reference of {name}</source>
            <translation>Als Referenz von {name} verwenden</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>{count} results are not saved.</source>
            <translation>{count} Ergebnisse sind nicht gespeichert.</translation>
        </message>
        <message>
            <location filename="../../app/windows/queueing.py" />
            <source>{name} is not there any more.</source>
            <translation>{name} ist nicht mehr da.</translation>
        </message>
    </context>
    <context>
        <name>Recent</name>
        <message>
            <location filename="../../app/windows/recent.py" />
            <source>No image was opened yet</source>
            <translation>Noch wurde kein Bild geöffnet</translation>
        </message>
    </context>
    <context>
        <name>Resumption</name>
        <message>
            <location filename="../../app/resumption.py" />
            <source>One job was interrupted.</source>
            <translation>Ein Auftrag wurde unterbrochen.</translation>
        </message>
        <message>
            <location filename="../../app/resumption.py" />
            <source>One job was still in line.</source>
            <translation>Ein Auftrag stand noch in der Reihe.</translation>
        </message>
        <message>
            <location filename="../../app/resumption.py" />
            <source>and {count} more</source>
            <translation>und {count} weitere</translation>
        </message>
        <message>
            <location filename="../../app/resumption.py" />
            <source>{count} jobs were interrupted.</source>
            <translation>{count} Aufträge wurden unterbrochen.</translation>
        </message>
        <message>
            <location filename="../../app/resumption.py" />
            <source>{count} jobs were still in line.</source>
            <translation>{count} Aufträge standen noch in der Reihe.</translation>
        </message>
        <message>
            <location filename="../../app/resumption.py" />
            <source>{name} · {model} ×{scale}: {done} of {tiles} tiles done</source>
            <translation>{name} · {model} ×{scale}: {done} von {tiles} Kacheln fertig</translation>
        </message>
    </context>
    <context>
        <name>Running</name>
        <message>
            <location filename="../../app/windows/running.py" />
            <source>Cancelled. Ctrl+Z takes it back.</source>
            <translation>Abgebrochen. Strg+Z nimmt es zurück.</translation>
        </message>
        <message>
            <location filename="../../app/windows/running.py" />
            <source>Paused.</source>
            <translation>Angehalten.</translation>
        </message>
    </context>
    <context>
        <name>Saving</name>
        <message>
            <location filename="../../app/windows/saving.py" />
            <source>As soon as it is finished: {where}, as {name}.
Settings (Ctrl+,) change that.</source>
            <translation>Sobald es fertig ist: {where}, als {name}.
Die Einstellungen (Strg+,) ändern das.</translation>
        </message>
        <message>
            <location filename="../../app/windows/saving.py" />
            <source>Choose another folder, name or format with Save as… (Ctrl+Shift+S).</source>
            <translation>Wählen Sie mit „Speichern unter…“ (Strg+Umschalt+S) einen anderen Ordner, Namen oder ein anderes Format.</translation>
        </message>
        <message>
            <location filename="../../app/windows/saving.py" />
            <source>beside its image</source>
            <translation>beim Bild</translation>
        </message>
    </context>
    <context>
        <name>ScaleSwitch</name>
        <message>
            <location filename="../../app/widgets/scale_switch.py" />
            <source>Make the image {scale} times as wide and as high.</source>
            <translation>Das Bild {scale}-mal so breit und so hoch machen.</translation>
        </message>
        <message>
            <location filename="../../app/widgets/scale_switch.py" />
            <source>Scale</source>
            <translation>Maßstab</translation>
        </message>
        <message>
            <location filename="../../app/widgets/scale_switch.py" />
            <source>Scale {scale}</source>
            <translation>Maßstab {scale}</translation>
        </message>
        <message>
            <location filename="../../app/widgets/scale_switch.py" />
            <source>{model} has no weights for ×{scale}. It offers {offered}.</source>
            <translation>{model} hat keine Gewichte für ×{scale}. Es bietet {offered}.</translation>
        </message>
    </context>
    <context>
        <name>SelfTestCard</name>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>Choose another one in the settings (Ctrl+,).</source>
            <translation>Wählen Sie in den Einstellungen (Strg+,) ein anderes.</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>Copy report</source>
            <translation>Bericht kopieren</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>Dismiss</source>
            <translation>Ausblenden</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>Dismiss (Esc)</source>
            <translation>Ausblenden (Esc)</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>It works, but slower than a GPU would. {reason}</source>
            <translation>Das geht, aber langsamer als auf einer GPU. {reason}</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>Put everything that was found on the clipboard, for a question or a bug report.</source>
            <translation>Alles, was gefunden wurde, für eine Frage oder Fehlermeldung in die Zwischenablage legen.</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>PyTorch's attention is used, which is slower: {reason}</source>
            <translation>PyTorchs Attention rechnet, was langsamer ist: {reason}</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>The device {device} is not there any more.</source>
            <translation>Das Gerät {device} ist nicht mehr da.</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>There is a GPU, but the settings (Ctrl+,) choose the CPU.</source>
            <translation>Es gibt eine GPU, aber die Einstellungen (Strg+,) wählen die CPU.</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>Triptych cannot compute here.</source>
            <translation>Triptych kann hier nicht rechnen.</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>Triptych computes on the CPU.</source>
            <translation>Triptych rechnet auf der CPU.</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>Triptych computes on the {name}.</source>
            <translation>Triptych rechnet auf: {name}.</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>Triptych's own kernels</source>
            <translation>Triptychs eigene Kernel</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>{free} of {total} GiB of memory free</source>
            <translation>{free} von {total} GiB Speicher frei</translation>
        </message>
        <message>
            <location filename="../../app/manners/self_test.py" />
            <source>{threads} threads</source>
            <translation>{threads} Threads</translation>
        </message>
    </context>
    <context>
        <name>SettingsDialog</name>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source> days</source>
            <comment>after a number of days</comment>
            <translation> Tage behalten</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>&amp;Appearance</source>
            <translation>&amp;Aussehen</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>&amp;Device</source>
            <translation>&amp;Gerät</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>&amp;Folder</source>
            <translation>&amp;Ordner</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>&amp;Language</source>
            <translation>&amp;Sprache</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>&amp;Name</source>
            <translation>&amp;Name</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>&amp;Quality</source>
            <translation>&amp;Qualität</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>As the desktop</source>
            <translation>Wie der Desktop</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>As the image, where it can be written</source>
            <translation>Wie das Bild, wo es schreibbar ist</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Beside each image</source>
            <translation>Neben jedem Bild</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>CPU</source>
            <translation>CPU</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Choose the folder of the results.</source>
            <translation>Wählen Sie den Ordner der Ergebnisse.</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Choose…</source>
            <translation>Wählen…</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Computing</source>
            <translation>Rechnen</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Dark</source>
            <translation>Dunkel</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Each result lies beside its image: no folder is needed.</source>
            <translation>Jedes Ergebnis liegt neben seinem Bild: Ein Ordner ist nicht nötig.</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>F&amp;ormat</source>
            <translation>&amp;Format</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Folder of the results</source>
            <translation>Ordner der Ergebnisse</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>For JPEG, WebP and AVIF: 1 is small, 100 is true.</source>
            <translation>Für JPEG, WebP und AVIF: 1 ist klein, 100 ist getreu.</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>General</source>
            <translation>Allgemein</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>How long the tiles of jobs that were not finished stay on the disk, to go on from.</source>
            <translation>Wie lange die Kacheln unfertiger Aufträge zum Weitermachen auf der Platte bleiben.</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>In one folder</source>
            <translation>In einem Ordner</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Interrupted &amp;jobs</source>
            <translation>&amp;Unterbrochenes</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Keep for </source>
            <comment>before a number of days</comment>
            <translation>Für </translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Light</source>
            <translation>Hell</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Put back what a new Triptych has. Nothing is kept before you save.</source>
            <translation>Alles wie bei einem neuen Triptych. Vor dem Speichern wird nichts übernommen.</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Remove at the next start</source>
            <translation>Beim nächsten Start entfernen</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Results</source>
            <translation>Ergebnisse</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Settings</source>
            <translation>Einstellungen</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Standard ({quality})</source>
            <translation>Standard ({quality})</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>The best there is</source>
            <translation>Das beste vorhandene</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>The environment variable TRIPTYCH_KEEP_DAYS decides this.</source>
            <translation>Das bestimmt die Umgebungsvariable TRIPTYCH_KEEP_DAYS.</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>The next start shows it.</source>
            <translation>Der nächste Start zeigt sie.</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>This cannot be a file name: it may hold {fields} and text, but no / or \.</source>
            <translation>Das kann kein Dateiname sein: {fields} und Text sind möglich, aber kein / oder \.</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>This format loses nothing: it has no quality to choose.</source>
            <translation>Dieses Format ist verlustfrei: Eine Qualität gibt es nicht zu wählen.</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>What the file is called. {fields} stand for what they say.</source>
            <translation>Wie die Datei heißt. {fields} stehen für das, was sie sagen.</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>Where models run. The next job begins there.</source>
            <translation>Wo Modelle laufen. Der nächste Auftrag beginnt dort.</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>{device} (not there now)</source>
            <translation>{device} (zurzeit nicht da)</translation>
        </message>
        <message>
            <location filename="../../app/manners/settings_dialog.py" />
            <source>{source} becomes {result}</source>
            <translation>{source} wird zu {result}</translation>
        </message>
    </context>
    <context>
        <name>Showing</name>
        <message>
            <location filename="../../app/windows/showing.py" />
            <source>Input</source>
            <translation>Vorlage</translation>
        </message>
        <message>
            <location filename="../../app/windows/showing.py" />
            <source>Reference</source>
            <translation>Referenz</translation>
        </message>
    </context>
    <context>
        <name>StepSlider</name>
        <message>
            <location filename="../../app/inspector/step_slider.py" />
            <source>Block {block} of {blocks} · attention {layer} of {layers}</source>
            <translation>Block {block} von {blocks} · Attention {layer} von {layers}</translation>
        </message>
        <message>
            <location filename="../../app/inspector/step_slider.py" />
            <source>Block {block} of {blocks} · convolution {layer} of {layers}</source>
            <translation>Block {block} von {blocks} · Faltung {layer} von {layers}</translation>
        </message>
        <message>
            <location filename="../../app/inspector/step_slider.py" />
            <source>Block {block} of {blocks} · layer {layer} of {layers}</source>
            <translation>Block {block} von {blocks} · Schicht {layer} von {layers}</translation>
        </message>
        <message>
            <location filename="../../app/inspector/step_slider.py" />
            <source>Step of the network</source>
            <translation>Schritt des Netzes</translation>
        </message>
        <message>
            <location filename="../../app/inspector/step_slider.py" />
            <source>Through the network, step by step (←, →; Page Up and Page Down: a whole block; Home, End).</source>
            <translation>Schritt für Schritt durch das Netz (←, →; Bild auf und Bild ab: ein ganzer Block; Pos1, Ende).</translation>
        </message>
    </context>
    <context>
        <name>Telling</name>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>A job is running: wait for it, or cancel it.</source>
            <translation>Ein Auftrag läuft: Warten Sie darauf oder brechen Sie ihn ab.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>A job is running: wait for it, pause or cancel it.</source>
            <translation>Ein Auftrag läuft: Warten Sie darauf, halten Sie ihn an oder brechen Sie ihn ab.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Cancelling {name}…</source>
            <translation>{name} wird abgebrochen…</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Done in {duration}. Not saved yet.</source>
            <translation>Fertig in {duration}. Noch nicht gespeichert.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>It is saved already, as {name}.</source>
            <translation>Es ist schon gespeichert, als {name}.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>No image is open.</source>
            <translation>Kein Bild ist offen.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Nothing is running.</source>
            <translation>Es läuft nichts.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Open an image first.</source>
            <translation>Öffnen Sie zuerst ein Bild.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Opening {name}…</source>
            <translation>{name} wird geöffnet…</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Paused. {count} to do.</source>
            <translation>Angehalten. Noch {count} zu tun.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Pausing {name}…</source>
            <translation>{name} wird angehalten…</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Resume: {count} to do</source>
            <translation>Fortsetzen: {count} zu tun</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Run every ticked model on every image that lacks it.</source>
            <translation>Jedes angekreuzte Modell für jedes Bild ausführen, dem es fehlt.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Run the marked model on every image that lacks it.</source>
            <translation>Das markierte Modell auf jedes Bild anwenden, dem es noch fehlt.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Saved as {name}</source>
            <translation>Gespeichert als {name}</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Saving…</source>
            <translation>Wird gespeichert…</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>The image is still being opened.</source>
            <translation>Das Bild wird noch geöffnet.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>The result is being saved.</source>
            <translation>Das Ergebnis wird gerade gespeichert.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>The result is not shown: tick {model} first.</source>
            <translation>Das Ergebnis wird nicht gezeigt: Kreuzen Sie zuerst {model} an.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>There is no model to run.</source>
            <translation>Es gibt kein Modell.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>There is no result yet: upscale the image first.</source>
            <translation>Es gibt noch kein Ergebnis: Vergrößern Sie zuerst das Bild.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Tick a model first.</source>
            <translation>Kreuzen Sie zuerst ein Modell an.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Upscale</source>
            <translation>Vergrößern</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Upscale {count} images · {what}</source>
            <translation>{count} Bilder vergrößern · {what}</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Upscale · {what}</source>
            <translation>Vergrößern · {what}</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>Upscaling {name} with {title}</source>
            <translation>{name} wird mit {title} vergrößert</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>about {duration}</source>
            <translation>etwa {duration}</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>{models} models · ×{scale}</source>
            <translation>{models} Modelle · ×{scale}</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>{model} has no weights for ×{scale}: it makes ×{other}.</source>
            <translation>{model} hat keine Gewichte für ×{scale}: Es macht ×{other}.</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>{size} → {larger} pixels</source>
            <translation>{size} → {larger} Bildpunkte</translation>
        </message>
        <message>
            <location filename="../../app/windows/telling.py" />
            <source>{words} · {count} more</source>
            <translation>{words} · {count} weitere</translation>
        </message>
    </context>
    <context>
        <name>TileSlider</name>
        <message>
            <location filename="../../app/controls/tile_slider.py" />
            <source>Auto</source>
            <translation>Auto</translation>
        </message>
        <message>
            <location filename="../../app/controls/tile_slider.py" />
            <source>Auto ({edge})</source>
            <translation>Auto ({edge})</translation>
        </message>
        <message>
            <location filename="../../app/controls/tile_slider.py" />
            <source>Edge of a tile in pixels of the image (←, →). Auto, at the left end, takes the largest that fits the memory; at the right end the whole image goes through the model at once.</source>
            <translation>Kante einer Kachel in Bildpunkten des Bildes (←, →). Auto, am linken Ende, nimmt die größte, die in den Speicher passt; am rechten Ende geht das ganze Bild auf einmal durch das Modell.</translation>
        </message>
        <message>
            <location filename="../../app/controls/tile_slider.py" />
            <source>Off: whole image</source>
            <translation>Aus: ganzes Bild</translation>
        </message>
        <message>
            <location filename="../../app/controls/tile_slider.py" />
            <source>Tile</source>
            <translation>Kachel</translation>
        </message>
        <message>
            <location filename="../../app/controls/tile_slider.py" />
            <source>{edge} px</source>
            <translation>{edge} px</translation>
        </message>
    </context>
    <context>
        <name>TilingControls</name>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source> px</source>
            <translation> px</translation>
        </message>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source>1 tile</source>
            <translation>1 Kachel</translation>
        </message>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source>Auto</source>
            <translation>Auto</translation>
        </message>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source>Auto: fp16 or bf16 on a GPU that is fast in it, fp32 on a CPU.</source>
            <translation>Auto: fp16 oder bf16 auf einer GPU, die darin schnell ist, fp32 auf einer CPU.</translation>
        </message>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source>Grid</source>
            <translation>Raster</translation>
        </message>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source>How far neighbouring tiles reach into each other. Less may show seams, more costs time.</source>
            <translation>Wie weit benachbarte Kacheln ineinanderreichen. Weniger kann Nähte zeigen, mehr kostet Zeit.</translation>
        </message>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source>Memory needed of the memory that is free</source>
            <translation>Benötigter Anteil des freien Speichers</translation>
        </message>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source>Overlap</source>
            <translation>Überlappung</translation>
        </message>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source>Precision</source>
            <translation>Genauigkeit</translation>
        </message>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source>Predicted peak: {needed}. Free now: {free}.</source>
            <translation>Vorhergesagte Spitze: {needed}. Jetzt frei: {free}.</translation>
        </message>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source>off</source>
            <translation>aus</translation>
        </message>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source>{count} tiles</source>
            <translation>{count} Kacheln</translation>
        </message>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source>{tiles} · needs {needed}</source>
            <translation>{tiles} · braucht {needed}</translation>
        </message>
        <message>
            <location filename="../../app/controls/tiling.py" />
            <source>{tiles} · needs {needed} of {free} free</source>
            <translation>{tiles} · braucht {needed} von {free} freien</translation>
        </message>
    </context>
    <context>
        <name>Timeline</name>
        <message>
            <location filename="../../app/memory/timeline.py" />
            <source>Left and Right read single moments, plus and minus change how much of the past is shown.</source>
            <translation>Links und Rechts lesen einzelne Zeitpunkte ab, Plus und Minus ändern, wie viel Vergangenheit zu sehen ist.</translation>
        </message>
        <message>
            <location filename="../../app/memory/timeline.py" />
            <source>Memory over time</source>
            <translation>Speicher im Zeitverlauf</translation>
        </message>
        <message>
            <location filename="../../app/memory/timeline.py" />
            <source>limit {amount} ↑</source>
            <translation>Grenze {amount} ↑</translation>
        </message>
    </context>
    <context>
        <name>TokenDetails</name>
        <message>
            <location filename="../../app/inspector/token_details.py" />
            <source>All heads (mean)</source>
            <translation>Alle Köpfe (Mittel)</translation>
        </message>
        <message>
            <location filename="../../app/inspector/token_details.py" />
            <source>Each head of the attention looks by itself and keeps tokens of its own.</source>
            <translation>Jeder Kopf der Attention blickt für sich und behält eigene Tokens.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/token_details.py" />
            <source>Head</source>
            <translation>Kopf</translation>
        </message>
        <message>
            <location filename="../../app/inspector/token_details.py" />
            <source>Head {number}</source>
            <translation>Kopf {number}</translation>
        </message>
        <message>
            <location filename="../../app/inspector/token_details.py" />
            <source>This layer's windows are shifted by half a window; layers of one kind inherit each other's tokens.</source>
            <translation>Die Fenster dieser Schicht sind um ein halbes Fenster verschoben; Schichten einer Art erben voneinander die Tokens.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/token_details.py" />
            <source>Together the heads keep {count} different ones.</source>
            <translation>Zusammen behalten die Köpfe {count} verschiedene.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/token_details.py" />
            <source>Tokens of the window (white) are left in each head, coloured by how much each counts.</source>
            <translation>Tokens des Fensters (weiß) bleiben in jedem Kopf, gefärbt danach, wie viel jedes zählt.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/token_details.py" />
            <source>Tokens of the window (white) are read: all of them so far, coloured by how much each counts.</source>
            <translation>Tokens des Fensters (weiß) werden gelesen: bisher alle, gefärbt danach, wie viel jedes zählt.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/token_details.py" />
            <source>{count} of {tokens}</source>
            <translation>{count} von {tokens}</translation>
        </message>
    </context>
    <context>
        <name>ToolBar</name>
        <message>
            <location filename="../../app/windows/toolbar.py" />
            <source>More</source>
            <translation>Mehr</translation>
        </message>
        <message>
            <location filename="../../app/windows/toolbar.py" />
            <source>More (F10)</source>
            <translation>Mehr (F10)</translation>
        </message>
        <message>
            <location filename="../../app/windows/toolbar.py" />
            <source>Open recent</source>
            <translation>Zuletzt geöffnet</translation>
        </message>
        <message>
            <location filename="../../app/windows/toolbar.py" />
            <source>Pixels of the screen per pixel of the result.</source>
            <translation>Bildpunkte des Bildschirms je Bildpunkt des Ergebnisses.</translation>
        </message>
        <message>
            <location filename="../../app/windows/toolbar.py" />
            <source>Tools</source>
            <translation>Werkzeuge</translation>
        </message>
        <message>
            <location filename="../../app/windows/toolbar.py" />
            <source>Zoom</source>
            <translation>Zoom</translation>
        </message>
    </context>
    <context>
        <name>WindowDetails</name>
        <message>
            <location filename="../../app/inspector/window_details.py" />
            <source>Its own is not among them.</source>
            <translation>Das eigene ist nicht darunter.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/window_details.py" />
            <source>One of them is its own.</source>
            <translation>Eines davon ist das eigene.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/window_details.py" />
            <source>The farthest is {distance} px away.</source>
            <translation>Das fernste ist {distance} px entfernt.</translation>
        </message>
        <message>
            <location filename="../../app/inspector/window_details.py" />
            <source>The window it reads, the most alike of {windows}</source>
            <translation>Das Fenster, das es liest, das ähnlichste von {windows}</translation>
        </message>
        <message>
            <location filename="../../app/inspector/window_details.py" />
            <source>The window of this pixel, {edge} × {edge} px</source>
            <translation>Das Fenster dieses Bildpunkts, {edge} × {edge} px</translation>
        </message>
        <message>
            <location filename="../../app/inspector/window_details.py" />
            <source>The {count} windows it reads, the most alike of {windows}</source>
            <translation>Die {count} Fenster, die es liest, die ähnlichsten von {windows}</translation>
        </message>
        <message>
            <location filename="../../app/inspector/window_details.py" />
            <source>What is dimmed is not read in this step.</source>
            <translation>Was abgedunkelt ist, wird in diesem Schritt nicht gelesen.</translation>
        </message>
    </context>
    <context>
        <name>compare</name>
        <message>
            <location filename="../../app/compare/inspector.py" />
            <source>A</source>
            <translation>A</translation>
        </message>
        <message>
            <location filename="../../app/compare/inspector.py" />
            <source>B</source>
            <translation>B</translation>
        </message>
        <message>
            <location filename="../../app/compare/chip.py" />
            <source>Base</source>
            <translation>Basis</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>Difference</source>
            <translation>Differenz</translation>
        </message>
        <message>
            <location filename="../../app/compare/inspector.py" />
            <source>G</source>
            <translation>G</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>In view: {score}</source>
            <translation>Sichtbar: {score}</translation>
        </message>
        <message>
            <location filename="../../app/compare/inspector.py" />
            <source>Input pixel {x}, {y}</source>
            <translation>Vorlage, Bildpunkt {x}, {y}</translation>
        </message>
        <message>
            <location filename="../../app/compare/inspector.py" />
            <source>Input {x}, {y}</source>
            <translation>Vorlage {x}, {y}</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>Lanczos</source>
            <translation>Lanczos</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>PSNR {value}</source>
            <translation>PSNR {value}</translation>
        </message>
        <message>
            <location filename="../../app/compare/inspector.py" />
            <source>Point at the image to read its pixels.</source>
            <translation>Zeigen Sie auf das Bild, um seine Bildpunkte abzulesen.</translation>
        </message>
        <message>
            <location filename="../../app/compare/marks.py" />
            <source>Preview</source>
            <translation>Vorschau</translation>
        </message>
        <message>
            <location filename="../../app/compare/inspector.py" />
            <source>R</source>
            <translation>R</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>Reference ×{reference}, result ×{result}: no figures</source>
            <translation>Referenz ×{reference}, Ergebnis ×{result}: keine Werte</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>Region: {score}</source>
            <translation>Bereich: {score}</translation>
        </message>
        <message>
            <location filename="../../app/compare/inspector.py" />
            <source>Result {x}, {y}</source>
            <translation>Ergebnis {x}, {y}</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>SSIM {value}</source>
            <translation>SSIM {value}</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>Signed difference</source>
            <translation>Differenz mit Vorzeichen</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>Structure (SSIM)</source>
            <translation>Struktur (SSIM)</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>bicubic</source>
            <translation>bikubisch</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>bilinear</source>
            <translation>bilinear</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>brighter +{value}</source>
            <translation>heller +{value}</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>darker −{value}</source>
            <translation>dunkler −{value}</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>nearest</source>
            <translation>nächster Nachbar</translation>
        </message>
        <message>
            <location filename="../../app/compare/inspector.py" />
            <source>not there yet</source>
            <translation>noch nicht da</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>{shown} against {base}</source>
            <translation>{shown} gegen {base}</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>{title} ({method})</source>
            <translation>{title} ({method})</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>{value} dB</source>
            <translation>{value} dB</translation>
        </message>
        <message>
            <location filename="../../app/compare/labels.py" />
            <source>{value} of 255</source>
            <translation>{value} von 255</translation>
        </message>
        <message>
            <location filename="../../app/compare/inspector.py" />
            <source>Δ max</source>
            <translation>Δ max</translation>
        </message>
    </context>
    <context>
        <name>engine</name>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>A comparison sheet needs at least one picture.</source>
            <translation>Ein Vergleichsblatt braucht mindestens ein Bild.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>A library failed on {device} ({why}).</source>
            <translation>Eine Bibliothek hat auf {device} versagt ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>A reference must be exactly input × scale.</source>
            <translation>Eine Referenz muss genau Vorlage × Maßstab groß sein.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>An unexpected error stopped the work ({why}).</source>
            <translation>Ein unerwarteter Fehler hat die Arbeit beendet ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Another Triptych is working on this job.</source>
            <translation>Ein anderes Triptych arbeitet an diesem Auftrag.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Ask for less, or upscale the result once more.</source>
            <translation>Verlangen Sie weniger, oder vergrößern Sie das Ergebnis noch einmal.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Ask for less.</source>
            <translation>Verlangen Sie weniger.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>CMYK became sRGB {through}.</source>
            <translation>Aus CMYK wurde sRGB, {through}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Cancelled.</source>
            <translation>Abgebrochen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Cannot allocate memory</source>
            <translation>kein Speicher zu bekommen</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Check the disk and the folder.</source>
            <translation>Prüfen Sie Datenträger und Ordner.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Check the file's permissions.</source>
            <translation>Prüfen Sie die Zugriffsrechte der Datei.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Check the file.</source>
            <translation>Prüfen Sie die Datei.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Check the path.</source>
            <translation>Prüfen Sie den Pfad.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Choose a model or an input to compare.</source>
            <translation>Wählen Sie ein Modell oder eine Vorlage zum Vergleichen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Choose an offered scale, or a checkpoint made for the one you want.</source>
            <translation>Wählen Sie einen Maßstab, den er bietet, oder einen Checkpoint für den gewünschten.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Choose another folder, or free some space and check the folder's permissions.</source>
            <translation>Wählen Sie einen anderen Ordner, oder schaffen Sie Platz und prüfen Sie die Zugriffsrechte des Ordners.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Choose another.</source>
            <translation>Wählen Sie einen anderen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Choose one of {formats}.</source>
            <translation>Wählen Sie eines von {formats}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Choose the CPU in the settings.</source>
            <translation>Wählen Sie in den Einstellungen die CPU.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Choose the CPU in the settings; `triptych doctor` tells more.</source>
            <translation>Wählen Sie in den Einstellungen die CPU; `triptych doctor` sagt mehr.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Choose the backend `auto`.</source>
            <translation>Wählen Sie das Backend „auto“.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Choose the folder in the settings.</source>
            <translation>Wählen Sie den Ordner in den Einstellungen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Close other programs and try again.</source>
            <translation>Schließen Sie andere Programme, und versuchen Sie es noch einmal.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Close other programs, or choose a smaller model (its name ends in -fast), or the CPU in the settings.</source>
            <translation>Schließen Sie andere Programme, oder wählen Sie ein kleineres Modell (sein Name endet auf -fast) oder in den Einstellungen die CPU.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Close other programs, or set TRIPTYCH_IO_MEMORY_GIB to allow more.</source>
            <translation>Schließen Sie andere Programme, oder erlauben Sie mit TRIPTYCH_IO_MEMORY_GIB mehr.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Close other programs, or use a smaller model (its name ends in -fast), or the CPU (in the settings).</source>
            <translation>Schließen Sie andere Programme, oder nehmen Sie ein kleineres Modell (sein Name endet auf -fast) oder in den Einstellungen die CPU.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Close other programs, or use a smaller model (its name ends in -fast).</source>
            <translation>Schließen Sie andere Programme, oder nehmen Sie ein kleineres Modell (sein Name endet auf -fast).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Close other programs, or use a smaller model, or the CPU (in the settings).</source>
            <translation>Schließen Sie andere Programme, oder nehmen Sie ein kleineres Modell oder in den Einstellungen die CPU.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Close other programs.</source>
            <translation>Schließen Sie andere Programme.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Close other programs; if that does not help, install Triptych again.</source>
            <translation>Schließen Sie andere Programme; wenn das nicht hilft, installieren Sie Triptych noch einmal.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Convert it to 16 bits a channel first.</source>
            <translation>Wandeln Sie es zuerst in 16 Bit je Kanal um.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Convert it to TIFF first.</source>
            <translation>Wandeln Sie es zuerst in TIFF um.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Copy it again.</source>
            <translation>Kopieren Sie es noch einmal.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Copy or download the file again.</source>
            <translation>Kopieren oder laden Sie die Datei noch einmal.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Correct the configuration of {stem}.</source>
            <translation>Berichtigen Sie die Konfiguration von {stem}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Correct the configuration.</source>
            <translation>Berichtigen Sie die Konfiguration.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Create it, or choose another.</source>
            <translation>Legen Sie ihn an, oder wählen Sie einen anderen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Cut it into parts first.</source>
            <translation>Zerschneiden Sie es zuerst.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Develop it to a TIFF of 16 bits first.</source>
            <translation>Entwickeln Sie sie zuerst zu einem TIFF mit 16 Bit.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Disk quota exceeded</source>
            <translation>das Kontingent ist ausgeschöpft</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Done differently ({note}): tile {tiles} of {count}.</source>
            <translation>Anders gerechnet ({note}): Kachel {tiles} von {count}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Done differently ({note}): tiles {tiles} of {count}.</source>
            <translation>Anders gerechnet ({note}): Kacheln {tiles} von {count}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>EXIF was dropped: it is damaged ({why}).</source>
            <translation>EXIF wurde weggelassen: Es ist beschädigt ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>File name too long</source>
            <translation>der Dateiname ist zu lang</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Fine structure: attention that narrows from layer to layer to the tokens that matter. The slowest.</source>
            <translation>Feine Strukturen: Aufmerksamkeit, die sich von Schicht zu Schicht auf die Tokens verengt, auf die es ankommt. Das langsamste.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Floating-point pixels became 16 bits a channel.</source>
            <translation>Aus Gleitkommazahlen wurden 16 Bit je Kanal.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Free some disk space, or choose another folder.</source>
            <translation>Schaffen Sie Platz auf dem Datenträger, oder wählen Sie einen anderen Ordner.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Free some disk space, or point TRIPTYCH_CACHE at a folder on a larger disk.</source>
            <translation>Schaffen Sie Platz, oder lassen Sie TRIPTYCH_CACHE auf einen Ordner eines größeren Datenträgers zeigen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Free some disk space, or point TRIPTYCH_CACHE at a folder that can be written.</source>
            <translation>Schaffen Sie Platz, oder lassen Sie TRIPTYCH_CACHE auf einen beschreibbaren Ordner zeigen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Free some space, or choose another folder or a lossy format.</source>
            <translation>Schaffen Sie Platz, oder wählen Sie einen anderen Ordner oder ein verlustbehaftetes Format.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Free some space, or point TRIPTYCH_CACHE at a folder on a larger disk.</source>
            <translation>Schaffen Sie Platz, oder lassen Sie TRIPTYCH_CACHE auf einen Ordner eines größeren Datenträgers zeigen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>If it happens again, update the driver; the CPU (in the settings) works without it.</source>
            <translation>Wenn es wieder vorkommt, erneuern Sie den Treiber; die CPU (in den Einstellungen) geht ohne ihn.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>If it really is that large, cut it into parts first.</source>
            <translation>Wenn es wirklich so groß ist, zerschneiden Sie es zuerst.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>If memory was short, try smaller tiles; `triptych doctor` shows what was found.</source>
            <translation>Wenn der Speicher knapp war, nehmen Sie kleinere Kacheln; `triptych doctor` zeigt, was gefunden wurde.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Input/output error</source>
            <translation>Ein-/Ausgabefehler</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Install one (pip install {package}), or convert the image to PNG or TIFF first.</source>
            <translation>Installieren Sie einen (pip install {package}), oder wandeln Sie das Bild zuerst in PNG oder TIFF um.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Install pillow-heif (pip install pillow-heif), or convert the image to PNG or TIFF first.</source>
            <translation>Installieren Sie pillow-heif (pip install pillow-heif), oder wandeln Sie das Bild zuerst in PNG oder TIFF um.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Is a directory</source>
            <translation>ist ein Ordner</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>It holds {{"architecture": "{architecture}", "arguments": {{...}}, "scale": {scale}}}.</source>
            <translation>Darin steht {{"architecture": "{architecture}", "arguments": {{...}}, "scale": {scale}}}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>It may use {{name}}, {{model}}, {{scale}}, {{width}} and {{height}}.</source>
            <translation>Sie darf {{name}}, {{model}}, {{scale}}, {{width}} und {{height}} enthalten.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>It offers {scales}.</source>
            <translation>Es bietet {scales}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>It was interrupted under other conditions ({changes}): it was upscaled from the start.</source>
            <translation>Es wurde unter anderen Bedingungen unterbrochen ({changes}): Es wurde von vorn vergrößert.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Its arguments are {names}.</source>
            <translation>Seine Argumente sind {names}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Its colour profile cannot be read and was left out: the colours may look different.</source>
            <translation>Sein Farbprofil ist nicht lesbar und wurde weggelassen: Die Farben sehen vielleicht anders aus.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Its colours became sRGB.</source>
            <translation>Seine Farben wurden zu sRGB.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Its weights are probably damaged.</source>
            <translation>Seine Gewichte sind wahrscheinlich beschädigt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>JPEG holds at most 64 KiB of EXIF: the {size} KiB there were left out.</source>
            <translation>JPEG fasst höchstens 64 KiB EXIF: Die vorhandenen {size} KiB wurden weggelassen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>JPEG holds at most 64 KiB of XMP: the {size} KiB there were left out.</source>
            <translation>JPEG fasst höchstens 64 KiB XMP: Die vorhandenen {size} KiB wurden weggelassen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Load it with torch on a machine that trusts it and save it again, or use a .safetensors file.</source>
            <translation>Laden und speichern Sie sie mit torch auf einem Rechner, der ihr traut, oder nehmen Sie eine .safetensors-Datei.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>No NVIDIA driver or no GPU was found: `nvidia-smi` should list one; install or update the driver.</source>
            <translation>Es wurde kein NVIDIA-Treiber oder keine GPU gefunden: `nvidia-smi` sollte sie zeigen; installieren oder erneuern Sie den Treiber.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>No format can hold it: choose a smaller scale.</source>
            <translation>Kein Format fasst es: Wählen Sie einen kleineren Maßstab.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>No space left on device</source>
            <translation>kein Platz mehr auf dem Datenträger</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>No such file or directory</source>
            <translation>Datei oder Ordner nicht gefunden</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Not a directory</source>
            <translation>ist kein Ordner</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Only files of plain tensors are loaded; convert it to .safetensors on a machine that trusts it.</source>
            <translation>Geladen werden nur Dateien aus einfachen Tensoren; wandeln Sie sie auf einem Rechner, der ihr traut, in .safetensors um.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Only the first of {count} frames was read.</source>
            <translation>Nur das erste von {count} Einzelbildern wurde gelesen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Only the first of {count} pages was read.</source>
            <translation>Nur die erste von {count} Seiten wurde gelesen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Only the first {count} of {channels} channels are used.</source>
            <translation>Nur die ersten {count} von {channels} Kanälen werden benutzt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Open the folder, or the images in it.</source>
            <translation>Öffnen Sie den Ordner oder die Bilder darin.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Operation not permitted</source>
            <translation>nicht erlaubt</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>PNG, JPEG, TIFF, WebP, AVIF, HEIF, JPEG XL, GIF and BMP are read, whatever the file's extension.</source>
            <translation>Gelesen werden PNG, JPEG, TIFF, WebP, AVIF, HEIF, JPEG XL, GIF und BMP, wie auch immer die Datei endet.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Permission denied</source>
            <translation>keine Berechtigung</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Photographs as they are found: takes JPEG artefacts and noise away, and sharpens what is left.</source>
            <translation>Fotos, wie man sie findet: entfernt JPEG-Artefakte und Rauschen und schärft, was bleibt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Point TRIPTYCH_CACHE at a folder on a local disk that can be written.</source>
            <translation>Lassen Sie TRIPTYCH_CACHE auf einen beschreibbaren Ordner eines Datenträgers in diesem Rechner zeigen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Point TRIPTYCH_CACHE at a folder that can.</source>
            <translation>Lassen Sie TRIPTYCH_CACHE auf einen beschreibbaren Ordner zeigen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Quick and even: convolutional attention with one shared large kernel.</source>
            <translation>Schnell und gleichmäßig: faltende Aufmerksamkeit mit einem gemeinsamen großen Kern.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Read-only file system</source>
            <translation>das Dateisystem ist schreibgeschützt</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Remove the link, or choose another folder.</source>
            <translation>Entfernen Sie die Verknüpfung, oder wählen Sie einen anderen Ordner.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Rename the file, or remove that model first.</source>
            <translation>Benennen Sie die Datei um, oder entfernen Sie zuerst jenes Modell.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Repeated patterns: each window looks at the windows of the image that resemble it.</source>
            <translation>Wiederkehrende Muster: Jedes Fenster blickt auf die Fenster des Bildes, die ihm gleichen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>SSCAN, ESC and PFT have.</source>
            <translation>SSCAN, ESC und PFT haben sie.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Save the image as a file first.</source>
            <translation>Speichern Sie das Bild zuerst als Datei.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Scale it to 0..1, or convert it to 16 bits a channel first.</source>
            <translation>Bringen Sie es auf 0 bis 1, oder wandeln Sie es zuerst in 16 Bit je Kanal um.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Texts in the PNG file were not kept: {keys}.</source>
            <translation>Texte in der PNG-Datei wurden nicht behalten: {keys}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The architectures are {names}.</source>
            <translation>Die Architekturen sind {names}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The checkpoint is damaged or of another version of the network.</source>
            <translation>Der Checkpoint ist beschädigt oder von einer anderen Fassung des Netzes.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The checkpoint is incomplete or of another version of the network.</source>
            <translation>Der Checkpoint ist unvollständig oder von einer anderen Fassung des Netzes.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The colour profile of {size} MiB was dropped: at most 16 MiB are kept.</source>
            <translation>Das Farbprofil mit {size} MiB wurde weggelassen: Höchstens 16 MiB werden behalten.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The colour profile was dropped: it is damaged or made for other channels than this image has.</source>
            <translation>Das Farbprofil wurde weggelassen: Es ist beschädigt oder für andere Kanäle gemacht, als das Bild hat.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The colour profile was dropped: it is made for other channels than the result has.</source>
            <translation>Das Farbprofil wurde weggelassen: Es ist für andere Kanäle gemacht, als das Ergebnis hat.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The colours ({kind}) became sRGB.</source>
            <translation>Aus den Farben ({kind}) wurde sRGB.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The configuration in {name} cannot be read.</source>
            <translation>Die Konfiguration in {name} ist nicht lesbar.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The configuration in {source} is not of the form architecture, arguments, scale.</source>
            <translation>Die Konfiguration in {source} hat nicht die Form architecture, arguments, scale.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The data of {key} in {name} overlaps another tensor's.</source>
            <translation>Die Daten von {key} in {name} überschneiden die eines anderen Tensors.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The default is {template}.</source>
            <translation>Vorgegeben ist {template}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The entry of {key} in the header of {name} is malformed.</source>
            <translation>Der Eintrag von {key} im Kopf von {name} ist missgebildet.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The file is damaged or not a checkpoint; download or copy it again.</source>
            <translation>Die Datei ist beschädigt oder kein Checkpoint; laden oder kopieren Sie sie noch einmal.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The file is damaged, or there is not enough memory for it.</source>
            <translation>Die Datei ist beschädigt, oder der Speicher reicht für sie nicht.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The file is probably damaged; nothing else was lost.</source>
            <translation>Wahrscheinlich ist die Datei beschädigt; sonst ging nichts verloren.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The folder for working images, {folder}, cannot be locked ({why}).</source>
            <translation>Der Ordner für Arbeitsbilder, {folder}, lässt sich nicht sperren ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The folder for working images, {folder}, cannot be written ({why}).</source>
            <translation>Der Ordner für Arbeitsbilder, {folder}, ist nicht beschreibbar ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The folder {folder} cannot be made ({why}).</source>
            <translation>Der Ordner {folder} kann nicht angelegt werden ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The folder {folder} cannot be written ({why}).</source>
            <translation>Der Ordner {folder} ist nicht beschreibbar ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The folder {folder} leads out of the output folder {target} (it is a link).</source>
            <translation>Der Ordner {folder} führt aus dem Zielordner {target} hinaus (er ist eine Verknüpfung).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The free memory allows tiles of {edge} pixels only: {share} of the work goes into their overlap.</source>
            <translation>Der freie Speicher erlaubt nur Kacheln von {edge} Bildpunkten: {share} der Arbeit gehen in ihre Überlappung.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The gain map for HDR screens was not kept: the result is the picture that other screens show.</source>
            <translation>Die Verstärkungskarte für HDR-Bildschirme wurde nicht behalten: Das Ergebnis ist das Bild, das andere Bildschirme zeigen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The geo-reference was not kept: it is made for pixels of another size.</source>
            <translation>Der Raumbezug wurde nicht behalten: Er gilt für Bildpunkte anderer Größe.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The header of {name} cannot be read.</source>
            <translation>Der Kopf von {name} ist nicht lesbar.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The header of {name} is not a table of tensors.</source>
            <translation>Der Kopf von {name} ist keine Tabelle von Tensoren.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The members of {name} claim more bytes than the file has.</source>
            <translation>Die Einträge von {name} sollen mehr Byte haben als die Datei.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The metadata of {name} is not a table of strings.</source>
            <translation>Die Metadaten von {name} sind keine Tabelle von Texten.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The metadata was left out, as it could not be put in ({why}).</source>
            <translation>Die Metadaten wurden weggelassen, denn sie ließen sich nicht einfügen ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The model computes values here that are not finite, in fp32 too.</source>
            <translation>Das Modell errechnet hier Werte, die nicht endlich sind, auch in fp32.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The models are: {names}.</source>
            <translation>Die Modelle sind: {names}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The name template is empty.</source>
            <translation>Die Namensvorlage ist leer.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The name template {template} cannot be read ({why}).</source>
            <translation>Die Namensvorlage {template} ist nicht lesbar ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The name template {template} holds a folder separator.</source>
            <translation>Die Namensvorlage {template} enthält ein Trennzeichen für Ordner.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The pickle in {name} is damaged.</source>
            <translation>Das Pickle in {name} ist beschädigt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The reference is {width} × {height} pixels and the result will be {result_width} × {result_height}.</source>
            <translation>Die Referenz hat {width} × {height} Bildpunkte, und das Ergebnis wird {result_width} × {result_height} haben.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The reference is {width} × {height} pixels and the result {result_width} × {result_height}.</source>
            <translation>Die Referenz hat {width} × {height} Bildpunkte und das Ergebnis {result_width} × {result_height}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The result may take {needed}, and the disk of {folder} has {free} free.</source>
            <translation>Das Ergebnis kann {needed} groß werden, und der Datenträger von {folder} hat {free} frei.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The system was out of memory.</source>
            <translation>Dem System war der Speicher ausgegangen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The tags were dropped: they are damaged ({why}).</source>
            <translation>Die Felder wurden weggelassen: Sie sind beschädigt ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The tensors of {name} claim {size} bytes, more than the file has.</source>
            <translation>Die Tensoren von {name} sollen {size} Byte haben, mehr als die Datei.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The whole image at once would take {size}</source>
            <translation>Das ganze Bild auf einmal brauchte {size}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The worker died twice in {what}. {why}</source>
            <translation>Der Rechenprozess endete zweimal in {what}. {why}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The worker on {device} ended {times} before its work was done and was replaced.</source>
            <translation>Der Rechenprozess auf {device} endete {times} vor dem Ende seiner Arbeit und wurde ersetzt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The working image in {folder} cannot be written ({why}).</source>
            <translation>Das Arbeitsbild in {folder} kann nicht geschrieben werden ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The working images would take {size}, and the disk of {folder} has {free} free.</source>
            <translation>Die Arbeitsbilder brauchten {size}, und der Datenträger von {folder} hat {free} frei.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The {backend} backend cannot serve {operator} of {variant} here: {why}</source>
            <translation>Das Backend {backend} kann hier {operator} von {variant} nicht rechnen: {why}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The {process} process answered in a way this version does not understand.</source>
            <translation>Der {process} hat so geantwortet, dass diese Version es nicht versteht.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The {process} process cannot be started ({why}).</source>
            <translation>Der {process} lässt sich nicht starten ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The {process} process cannot be started. {why}</source>
            <translation>Der {process} lässt sich nicht starten. {why}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The {process} process did not start within {seconds} s.</source>
            <translation>Der {process} war nach {seconds} s nicht bereit.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The {process} process made no progress for {seconds} s and was ended.</source>
            <translation>Der {process} kam {seconds} s lang nicht weiter und wurde beendet.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>The {process} process {how}.</source>
            <translation>Der {process} {how}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>There is a model in {name} already.</source>
            <translation>In {name} ist schon ein Modell.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>There is a model named {name} already.</source>
            <translation>Ein Modell namens {name} gibt es schon.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>There is no CUDA device. {why}</source>
            <translation>Es gibt kein CUDA-Gerät. {why}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>There is no MPS device here (it needs a Mac with Apple silicon).</source>
            <translation>Hier gibt es kein MPS-Gerät (dafür braucht es einen Mac mit Apple-Chip).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>There is no checkpoint at {path}.</source>
            <translation>Unter {path} ist kein Checkpoint.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>There is no device {device}: {count} found.</source>
            <translation>Das Gerät {device} gibt es nicht: {count} gefunden.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>There is no file {path}.</source>
            <translation>Die Datei {path} gibt es nicht.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>There is no model {name}.</source>
            <translation>Das Modell {name} gibt es nicht.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>There is no open canvas.</source>
            <translation>Es ist keine Leinwand geöffnet.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>There is no room for the working image of {size} MiB in {folder} ({why}).</source>
            <translation>Für das Arbeitsbild von {size} MiB ist in {folder} kein Platz ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>There is not enough memory to load the model.</source>
            <translation>Der Speicher reicht nicht, um das Modell zu laden.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>There was not enough memory for {width} × {height} pixels of a tile.</source>
            <translation>Der Speicher reichte nicht für {width} × {height} Bildpunkte einer Kachel.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>There was not enough memory to look into the model.</source>
            <translation>Der Speicher reichte nicht, um in das Modell zu blicken.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>These weights cannot be used.</source>
            <translation>Diese Gewichte sind nicht brauchbar.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>These weights do not suit this image, or the weights file is damaged: try another model.</source>
            <translation>Diese Gewichte passen nicht zu diesem Bild, oder ihre Datei ist beschädigt: Versuchen Sie ein anderes Modell.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>These {architecture} weights are for x{own}; their last layer was converted to x{scale}, which is less sharp than weights made for x{other}.</source>
            <translation>Diese Gewichte von {architecture} sind für x{own}; ihre letzte Schicht wurde auf x{scale} umgerechnet, was weniger scharf ist als Gewichte, die für x{other} gemacht sind.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>This torch is a CPU build. For an NVIDIA GPU, install a CUDA build: see https://pytorch.org/get-started/locally.</source>
            <translation>Dieses torch ist nur für die CPU gebaut. Installieren Sie für eine NVIDIA-GPU eines für CUDA: siehe https://pytorch.org/get-started/locally.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Tile {index} of {count} came out with values that are not finite, in fp32 too.</source>
            <translation>In Kachel {index} von {count} sind Werte nicht endlich, auch in fp32.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Tiles of {edge} pixels are so small that their seams may be seen.</source>
            <translation>Kacheln von {edge} Bildpunkten sind so klein, dass man ihre Nähte vielleicht sieht.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Tiles of {edge} pixels would take {size}</source>
            <translation>Kacheln von {edge} Bildpunkten brauchten {size}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Too many open files</source>
            <translation>zu viele offene Dateien</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Triptych knows {names}.</source>
            <translation>Triptych kennt {names}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Triton is not installed; `pip install {package}` adds it.</source>
            <translation>Triton ist nicht installiert; `pip install {package}` holt es.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Triton needs a C compiler and finds none; install gcc or clang, or name one in the variable CC.</source>
            <translation>Triton braucht einen C-Compiler und findet keinen; installieren Sie gcc oder clang, oder nennen Sie einen in der Variablen CC.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Triton {version} is too old; {oldest} or newer is needed.</source>
            <translation>Triton {version} ist zu alt; nötig ist {oldest} oder neuer.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Try again.</source>
            <translation>Versuchen Sie es noch einmal.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Try again; if it happens again, install Triptych again: parts of two versions seem to be mixed.</source>
            <translation>Versuchen Sie es noch einmal; wenn es wieder vorkommt, installieren Sie Triptych noch einmal: Es scheinen Teile zweier Versionen vermischt zu sein.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Try again; if it happens with this file only, the file is probably damaged.</source>
            <translation>Versuchen Sie es noch einmal; wenn es nur bei dieser Datei vorkommt, ist sie wahrscheinlich beschädigt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Try again; the result is kept until then. Another format may work.</source>
            <translation>Versuchen Sie es noch einmal; bis dahin bleibt das Ergebnis erhalten. Vielleicht geht ein anderes Format.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Unknown device {device}.</source>
            <translation>Das Gerät {device} ist unbekannt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Use auto, cpu, mps, cuda or cuda:N.</source>
            <translation>Möglich sind auto, cpu, mps, cuda oder cuda:N.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Use cuda:0 to cuda:{last}.</source>
            <translation>Möglich sind cuda:0 bis cuda:{last}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Use smaller tiles, or the CPU (in the settings); what was finished is kept, and trying again goes on from it.</source>
            <translation>Nehmen Sie kleinere Kacheln oder in den Einstellungen die CPU; was fertig war, bleibt erhalten, und „Noch einmal“ setzt dort fort.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Wait until it is done, or close it. (Its working images are in {folder}.)</source>
            <translation>Warten Sie, bis es fertig ist, oder schließen Sie es. (Seine Arbeitsbilder sind in {folder}.)</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>What was finished is kept: free some disk space, then resume.</source>
            <translation>Was fertig war, bleibt erhalten: Schaffen Sie Platz, dann geht es weiter.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>Write {{"architecture": "PFT", "arguments": {{...}}, "scale": 4}}.</source>
            <translation>Schreiben Sie {{"architecture": "PFT", "arguments": {{...}}, "scale": 4}}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>a seam</source>
            <translation>einer Naht</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>absent</source>
            <translation>keines</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>ended unexpectedly (exit status {code})</source>
            <translation>endete unerwartet (Status {code})</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>ended unexpectedly (killed by {signal})</source>
            <translation>endete unerwartet (durch {signal})</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>image reading</source>
            <translation>Bildprozess</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>it claims {width} x {height} pixels, which {size} bytes cannot hold</source>
            <translation>es soll {width} x {height} Bildpunkte haben, die in {size} Byte nicht passen</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>it does not begin as JPEG XL</source>
            <translation>es beginnt nicht wie JPEG XL</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>its colours are of a kind that is not read</source>
            <translation>seine Farben sind von einer Art, die nicht gelesen wird</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>its colours make no sense</source>
            <translation>seine Farbangaben ergeben keinen Sinn</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>its pixels are of kind {kind}</source>
            <translation>seine Bildpunkte sind von der Art {kind}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>lost its device</source>
            <translation>verlor sein Gerät</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>missing {keys}</source>
            <translation>es fehlt {keys}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>no known architecture has these keys ({keys} ...)</source>
            <translation>keine bekannte Architektur hat diese Schlüssel ({keys} ...)</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>none of its scales</source>
            <translation>keinen seiner Maßstäbe</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>not part of it {keys}</source>
            <translation>nicht dazu gehört {keys}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>nothing</source>
            <translation>nichts</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>of a single number</source>
            <translation>einer einzelnen Zahl</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>off</source>
            <translation>aus</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>on</source>
            <translation>an</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>once</source>
            <translation>einmal</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>photo, compressed</source>
            <translation>Foto, komprimiert</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>ran out of memory</source>
            <translation>hatte keinen Speicher mehr</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>read</source>
            <translation>gelesen</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>recognised as {architecture} x{scale}</source>
            <translation>als {architecture} x{scale} erkannt</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>several</source>
            <translation>mehreren</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>showed no sign of life for {seconds} s and was ended</source>
            <translation>gab {seconds} s lang kein Lebenszeichen und wurde beendet</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>smaller tiles</source>
            <translation>kleinere Kacheln</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the backend of {operator}</source>
            <translation>Backend von {operator}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the codestream does not begin as one</source>
            <translation>der Bilddatenstrom beginnt nicht wie einer</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the configuration says {architecture} x{scale}, but the tensors are those of {other} x{other_scale}</source>
            <translation>die Konfiguration sagt {architecture} x{scale}, doch die Tensoren sind die von {other} x{other_scale}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the configuration says {argument} = {value}, but the tensors say {found}</source>
            <translation>die Konfiguration sagt {argument} = {value}, doch die Tensoren sagen {found}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the configuration says {argument} = {value}, which {architecture} cannot have</source>
            <translation>die Konfiguration sagt {argument} = {value}, was {architecture} nicht haben kann</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the container holds no image</source>
            <translation>im Behälter ist kein Bild</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the decoder gives no reason</source>
            <translation>der Decoder nennt keinen Grund</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the device</source>
            <translation>Gerät</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the ensemble</source>
            <translation>Ensemble</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the header is cut off</source>
            <translation>der Dateikopf ist abgeschnitten</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the number of threads</source>
            <translation>Zahl der Threads</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the precision</source>
            <translation>Genauigkeit</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the triton kernels are built for gfx9 (CDNA), gfx11 and gfx12, not {architecture}.</source>
            <translation>die Triton-Kernel sind für gfx9 (CDNA), gfx11 und gfx12 gebaut, nicht für {architecture}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the triton kernels need compute capability 8.0 or newer; this device has {major}.{minor}.</source>
            <translation>die Triton-Kernel brauchen Compute Capability 8.0 oder neuer; dieses Gerät hat {major}.{minor}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>the triton kernels run on CUDA and ROCm; the device is {device}.</source>
            <translation>die Triton-Kernel laufen auf CUDA und ROCm; das Gerät ist {device}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>there are no tensors in this file</source>
            <translation>in dieser Datei sind keine Tensoren</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>there is no architecture called {architecture}</source>
            <translation>es gibt keine Architektur namens {architecture}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>there is no device cuda:{index}; torch sees {count}.</source>
            <translation>das Gerät cuda:{index} gibt es nicht; torch sieht {count}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>this looks like {architecture}, but its shapes fit no such network</source>
            <translation>das sieht aus wie {architecture}, doch seine Formen passen zu keinem solchen Netz</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>this looks like {architecture}, but the key {key} is missing</source>
            <translation>das sieht aus wie {architecture}, doch der Schlüssel {key} fehlt</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>this {architecture} checkpoint does not offer x{scale}; it offers {scales}</source>
            <translation>dieser Checkpoint von {architecture} bietet x{scale} nicht; er bietet {scales}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>through a general profile, as it has none of its own</source>
            <translation>nach einem allgemeinen Profil, denn es hat kein eigenes</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>through its own profile</source>
            <translation>nach seinem eigenen Profil</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>tile {index} of {count}</source>
            <translation>Kachel {index} von {count}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>top-k per layer is not in this file; put {stem}.json beside it</source>
            <translation>top-k je Schicht steht nicht in dieser Datei; legen Sie {stem}.json daneben</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>torch sees no CUDA or ROCm device here.</source>
            <translation>torch sieht hier kein CUDA- oder ROCm-Gerät.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>torch was built for CUDA, but the driver does not answer: update the NVIDIA driver and restart.</source>
            <translation>torch ist für CUDA gebaut, doch der Treiber antwortet nicht: Erneuern Sie den NVIDIA-Treiber, und starten Sie neu.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>was closed</source>
            <translation>wurde geschlossen</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>was ended because it did not keep to the protocol</source>
            <translation>wurde beendet, weil er sich nicht an das Protokoll hielt</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>was restarted</source>
            <translation>wurde neu gestartet</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>window, heads and top-k are not in this file; put {stem}.json beside it</source>
            <translation>Fenster, Köpfe und top-k stehen nicht in dieser Datei; legen Sie {stem}.json daneben</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>worker</source>
            <translation>Rechenprozess</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>worker {number}</source>
            <translation>Rechenprozess {number}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>written</source>
            <translation>geschrieben</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{architecture} cannot be built with these arguments: {why}</source>
            <translation>{architecture} lässt sich mit diesen Argumenten nicht bauen: {why}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{architecture} does not upscale {scale} times</source>
            <translation>{architecture} vergrößert nicht um das {scale}-Fache</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{architecture} has no argument called {argument}</source>
            <translation>{architecture} hat kein Argument namens {argument}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{block} of {size} MiB was dropped: at most 64 MiB are kept.</source>
            <translation>{block} mit {size} MiB wurde weggelassen: Höchstens 64 MiB werden behalten.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{count} times</source>
            <translation>{count}-mal</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{device} failed ({why}).</source>
            <translation>{device} hat versagt ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{device} has not enough memory for even a small piece of a tile of {width} × {height} px.</source>
            <translation>{device} hat nicht einmal für ein kleines Stück einer Kachel von {width} × {height} px genug Speicher.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{device} has not enough memory to look into the model.</source>
            <translation>{device} hat nicht genug Speicher, um in das Modell zu blicken.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{device} took no further part in the job. {why}</source>
            <translation>{device} nahm am Auftrag nicht weiter teil. {why}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{file} holds other weights</source>
            <translation>{file} enthält andere Gewichte</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{file}: the system was out of memory while these weights were loaded and measured.</source>
            <translation>{file}: Dem System ging der Speicher aus, während diese Gewichte geladen und gemessen wurden.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{file}: the worker ended while it loaded these weights. {why}</source>
            <translation>{file}: Der Rechenprozess endete, während er diese Gewichte lud. {why}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{file}: {clause}.</source>
            <translation>{file}: {clause}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{formats} or {last} can hold it.</source>
            <translation>{formats} oder {last} fasst es.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{format} can hold it.</source>
            <translation>{format} fasst es.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{format} files are not written by Triptych.</source>
            <translation>{format}-Dateien schreibt Triptych nicht.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{format} has no grey: the picture became sRGB through its grey profile.</source>
            <translation>{format} kennt kein Grau: Das Bild wurde nach seinem Grauprofil zu sRGB.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{format} has no place for IPTC: it was left out.</source>
            <translation>{format} hat keinen Platz für IPTC: Es wurde weggelassen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{format} has no transparency: it became white.</source>
            <translation>{format} kennt keine Transparenz: Sie wurde weiß.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{format} holds at most {most} pixels a side, and the result is {width} x {height}.</source>
            <translation>{format} fasst höchstens {most} Bildpunkte je Seite, und das Ergebnis hat {width} x {height}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{format} holds {depth} bits a channel, not {asked}.</source>
            <translation>{format} fasst {depth} Bit je Kanal, nicht {asked}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{format} holds {depth} or {more} bits a channel, not {asked}.</source>
            <translation>{format} fasst {depth} oder {more} Bit je Kanal, nicht {asked}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{format} is written up to {most} pixels, and the result is {width} x {height}.</source>
            <translation>{format} wird bis {most} Bildpunkte geschrieben, und das Ergebnis hat {width} x {height}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{keys} and {count} more</source>
            <translation>{keys} und {count} weitere</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{key} in {name} claims {size} bytes where its shape needs {needed}.</source>
            <translation>{key} in {name} soll {size} Byte haben, wo seine Form {needed} braucht.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{key} in {name} has the absurd shape {shape}.</source>
            <translation>{key} in {name} hat die unsinnige Form {shape}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{key} in {name} has the data type {type}, not a floating one.</source>
            <translation>{key} in {name} hat den Datentyp {type}, keinen mit Gleitkomma.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{key} in {name} has the unknown data type {type}.</source>
            <translation>{key} in {name} hat den unbekannten Datentyp {type}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{key} in {name} holds values that are not finite.</source>
            <translation>{key} in {name} enthält Werte, die nicht endlich sind.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{key} in {name} is not a plain tensor.</source>
            <translation>{key} in {name} ist kein einfacher Tensor.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{key} in {name} is not the table of its window.</source>
            <translation>{key} in {name} ist nicht die Tabelle seines Fensters.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{model} has no attention that could be shown.</source>
            <translation>{model} hat keine Aufmerksamkeit, die sich zeigen ließe.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{model} has other weights since it was interrupted: it was upscaled from the start.</source>
            <translation>{model} hat seit der Unterbrechung andere Gewichte: Es wurde von vorn vergrößert.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} and its {count} numbered names are all taken</source>
            <translation>{name} und seine {count} nummerierten Namen sind alle vergeben</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} cannot be opened ({why}).</source>
            <translation>{name} kann nicht geöffnet werden ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} cannot be read ({why}).</source>
            <translation>{name} kann nicht gelesen werden ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} cannot be read as JSON.</source>
            <translation>{name} lässt sich nicht als JSON lesen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} cannot be read as a checkpoint ({why}).</source>
            <translation>{name} lässt sich nicht als Checkpoint lesen ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} cannot be read: {why}.</source>
            <translation>{name} kann nicht gelesen werden: {why}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} cannot be written in {folder} ({why}).</source>
            <translation>{name} kann in {folder} nicht geschrieben werden ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} cannot be written: there is no folder {folder}.</source>
            <translation>{name} kann nicht geschrieben werden: Den Ordner {folder} gibt es nicht.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} cannot be {verb} ({why}).</source>
            <translation>{name} kann nicht {verb} werden ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} cannot be {verb}. {why}</source>
            <translation>{name} kann nicht {verb} werden. {why}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} cannot be {verb}: it needs more memory than the image process may use.</source>
            <translation>{name} kann nicht {verb} werden: Das braucht mehr Speicher, als der Bildprozess belegen darf.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} cannot be {verb}: the image library refused it ({why}).</source>
            <translation>{name} kann nicht {verb} werden: Die Bildbibliothek lehnt es ab ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} claims a header of {size} bytes, which is absurd.</source>
            <translation>{name} soll einen Kopf von {size} Byte haben, was unsinnig ist.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} claims a zip directory of {size} bytes, which is absurd.</source>
            <translation>{name} soll ein ZIP-Verzeichnis von {size} Byte haben, was unsinnig ist.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} claims more than {most} pixels, which are not read.</source>
            <translation>{name} soll mehr als {most} Bildpunkte haben; so viele werden nicht gelesen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} claims to be {width} x {height} pixels; more than {most} are not read.</source>
            <translation>{name} soll {width} x {height} Bildpunkte haben; mehr als {most} werden nicht gelesen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} claims {count} parameters, more than any known network has.</source>
            <translation>{name} soll {count} Parameter haben, mehr als jedes bekannte Netz.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} claims {size} bytes for {member}.</source>
            <translation>{name} soll {size} Byte für {member} haben.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} does not exist.</source>
            <translation>{name} gibt es nicht.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} ended while {key} was read.</source>
            <translation>{name} endete, während {key} gelesen wurde.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} ends before its header does.</source>
            <translation>{name} endet vor seinem Kopf.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} exists already: skipped.</source>
            <translation>{name} gibt es schon: übersprungen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} has a compressed member ({member}), which torch never writes.</source>
            <translation>{name} hat einen gepackten Eintrag ({member}), wie torch ihn nie schreibt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} has changed since it was interrupted: it was upscaled from the start.</source>
            <translation>{name} hat sich seit der Unterbrechung geändert: Es wurde von vorn vergrößert.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} has keys that occur with and without the prefix module.</source>
            <translation>{name} enthält Schlüssel, die mit und ohne den Vorsatz module. vorkommen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} has no weights for ×{scale}.</source>
            <translation>{name} hat keine Gewichte für ×{scale}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} has pixels of type {type}; 8 and 16 bits a channel, or floating point from 0 to 1, are read.</source>
            <translation>{name} hat Bildpunkte der Art {type}; gelesen werden 8 und 16 Bit je Kanal oder Gleitkommazahlen von 0 bis 1.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} has tensors without names.</source>
            <translation>{name} enthält Tensoren ohne Namen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} has too many or repeated members in its zip container.</source>
            <translation>{name} hat zu viele oder doppelte Einträge im ZIP-Behälter.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} has unused bytes before the data of {key}.</source>
            <translation>{name} hat unbenutzte Byte vor den Daten von {key}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} has {size} bytes behind its last tensor.</source>
            <translation>{name} hat {size} Byte hinter seinem letzten Tensor.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} has {size} bytes; checkpoints above 4 GB are refused.</source>
            <translation>{name} hat {size} Byte; Checkpoints über 4 GB werden abgelehnt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} holds a {type} instead of named tensors.</source>
            <translation>{name} enthält {type} statt benannter Tensoren.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} holds floating-point values from {low} to {high}; only 0 to 1 are read.</source>
            <translation>{name} enthält Gleitkommazahlen von {low} bis {high}; gelesen werden nur 0 bis 1.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} holds neither params_ema nor params nor named tensors (found: {found}).</source>
            <translation>{name} enthält weder params_ema noch params noch benannte Tensoren (gefunden: {found}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is HEIF, which the libraries at hand cannot read ({why}).</source>
            <translation>{name} ist HEIF, das die vorhandenen Bibliotheken nicht lesen können ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is JPEG XL in CMYK, which is not read.</source>
            <translation>{name} ist JPEG XL in CMYK, das nicht gelesen wird.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is a TorchScript program, not a checkpoint.</source>
            <translation>{name} ist ein TorchScript-Programm, kein Checkpoint.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is a bare pickle, as torch wrote before version 1.6; such files are not opened.</source>
            <translation>{name} ist ein bloßes Pickle, wie torch es vor Version 1.6 schrieb; solche Dateien werden nicht geöffnet.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is a camera's raw file, or begins with a small preview, which is not read.</source>
            <translation>{name} ist die Rohdatei einer Kamera oder beginnt mit einer kleinen Vorschau; das wird nicht gelesen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is a damaged zip container.</source>
            <translation>{name} ist ein beschädigter ZIP-Behälter.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is a folder, not an image.</source>
            <translation>{name} ist ein Ordner, kein Bild.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is a pickle that could run code ({code}); nothing was run.</source>
            <translation>{name} ist ein Pickle, das Programmcode ausführen könnte ({code}); nichts davon wurde ausgeführt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is a pickle that would run code ({code}); nothing was run.</source>
            <translation>{name} ist ein Pickle, das Programmcode ausführen würde ({code}); nichts davon wurde ausgeführt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is a zip file, but not a checkpoint of torch.</source>
            <translation>{name} ist eine ZIP-Datei, aber kein Checkpoint von torch.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is cut short: its zip directory is missing.</source>
            <translation>{name} ist abgeschnitten: Das ZIP-Verzeichnis fehlt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is cut short: {size} bytes where its header needs {needed}.</source>
            <translation>{name} ist abgeschnitten: {size} Byte, wo sein Kopf {needed} braucht.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is damaged or truncated and cannot be read as {format} ({why}).</source>
            <translation>{name} ist beschädigt oder abgeschnitten und lässt sich nicht als {format} lesen ({why}).</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is empty.</source>
            <translation>{name} ist leer.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is larger than 4 GB, which no known network is.</source>
            <translation>{name} ist größer als 4 GB; so groß ist kein bekanntes Netz.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is neither a .pth nor a .safetensors checkpoint.</source>
            <translation>{name} ist weder ein .pth- noch ein .safetensors-Checkpoint.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is not a regular file.</source>
            <translation>{name} ist keine gewöhnliche Datei.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is not an image that Triptych knows.</source>
            <translation>{name} ist kein Bild, das Triptych kennt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is too large for a configuration.</source>
            <translation>{name} ist zu groß für eine Konfiguration.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is too short to hold a checkpoint.</source>
            <translation>{name} ist zu kurz für einen Checkpoint.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name} is {format}, for which this installation has no decoder.</source>
            <translation>{name} ist {format}; dafür hat diese Installation keinen Decoder.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name}: {width} × {height} cannot be reached with these weights (×{scale}).</source>
            <translation>{name}: {width} × {height} ist mit diesen Gewichten (×{scale}) nicht erreichbar.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{name}: {width} × {height} cannot be reached: ×{scale}, the largest scale of {model}, gives {most_width} × {most_height}.</source>
            <translation>{name}: {width} × {height} ist nicht erreichbar: ×{scale}, der größte Maßstab von {model}, ergibt {most_width} × {most_height}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{need}, more than the {budget} that leave enough to other programs.</source>
            <translation>{need}, mehr als die {budget}, bei denen anderen Programmen genug bleibt.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{need}, the smallest there are, and {free} is free.</source>
            <translation>{need}, und kleinere gibt es nicht; frei sind {free}.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{need}: more than is free, so tiles of {edge} pixels are used.</source>
            <translation>{need}: mehr, als frei ist, darum werden Kacheln von {edge} Bildpunkten genommen.</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{recognised}, but the keys differ: {differences}</source>
            <translation>{recognised}, doch die Schlüssel sind andere: {differences}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{recognised}, but {key} has the shape {shape} instead of {expected}</source>
            <translation>{recognised}, doch {key} hat die Form {shape} statt {expected}</translation>
        </message>
        <message>
            <location filename="../../app/sentences/table.py" />
            <source>{thing} was {before} and is {now}</source>
            <translation>{thing}: vorher {before}, jetzt {now}</translation>
        </message>
    </context>
    <context>
        <name>files</name>
        <message>
            <location filename="../../app/dialogs/files.py" />
            <source>All files (*)</source>
            <translation>Alle Dateien (*)</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/files.py" />
            <source>Images ({patterns})</source>
            <translation>Bilder ({patterns})</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/files.py" />
            <source>JPEG (*.jpg *.jpeg)</source>
            <translation>JPEG (*.jpg *.jpeg)</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/files.py" />
            <source>Open a folder of images</source>
            <translation>Einen Ordner mit Bildern öffnen</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/files.py" />
            <source>Open images</source>
            <translation>Bilder öffnen</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/files.py" />
            <source>PNG (*.png)</source>
            <translation>PNG (*.png)</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/files.py" />
            <source>Save the comparison sheet</source>
            <translation>Das Vergleichsblatt speichern</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/files.py" />
            <source>Save the result</source>
            <translation>Das Ergebnis speichern</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/files.py" />
            <source>TIFF (*.tif *.tiff)</source>
            <translation>TIFF (*.tif *.tiff)</translation>
        </message>
        <message>
            <location filename="../../app/dialogs/files.py" />
            <source>WebP (*.webp)</source>
            <translation>WebP (*.webp)</translation>
        </message>
    </context>
    <context>
        <name>memory</name>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>&lt; 0.001 GiB</source>
            <translation>&lt; 0.001 GiB</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>Apple's GPU can be tried on the command line with --device mps; it has not been tested.</source>
            <translation>Apples GPU lässt sich auf der Kommandozeile mit --device mps versuchen; getestet ist sie nicht.</translation>
        </message>
        <message>
            <location filename="../../app/memory/saving.py" />
            <source>CSV (*.csv)</source>
            <translation>CSV (*.csv)</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>Check that the card sits and is powered, and that `nvidia-smi` lists it.</source>
            <translation>Prüfen Sie, ob die Karte richtig sitzt, Strom hat und von `nvidia-smi` aufgeführt wird.</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>If this computer has an NVIDIA card, install its driver and restart.</source>
            <translation>Wenn dieser Rechner eine NVIDIA-Karte hat, installieren Sie ihren Treiber und starten Sie neu.</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>Install a torch built for CUDA 12.6, or go on without the card.</source>
            <translation>Installieren Sie ein für CUDA 12.6 gebautes torch oder arbeiten Sie ohne die Karte weiter.</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>Install a torch with CUDA: pytorch.org/get-started/locally has the command.</source>
            <translation>Installieren Sie ein torch mit CUDA: pytorch.org/get-started/locally nennt den Befehl.</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>Install it with: pip install nvidia-ml-py</source>
            <translation>Installieren Sie es mit: pip install nvidia-ml-py</translation>
        </message>
        <message>
            <location filename="../../app/memory/saving.py" />
            <source>JSON (*.json)</source>
            <translation>JSON (*.json)</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>No GPU can be seen: the package nvidia-ml-py is missing.</source>
            <translation>Es ist keine GPU zu sehen: Das Paket nvidia-ml-py fehlt.</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>On a Mac the models run on the CPU.</source>
            <translation>Auf einem Mac laufen die Modelle auf der CPU.</translation>
        </message>
        <message>
            <location filename="../../app/memory/saving.py" />
            <source>PNG (*.png)</source>
            <translation>PNG (*.png)</translation>
        </message>
        <message>
            <location filename="../../app/memory/saving.py" />
            <source>Save the picture</source>
            <translation>Das Bild speichern</translation>
        </message>
        <message>
            <location filename="../../app/memory/saving.py" />
            <source>Save the readings</source>
            <translation>Die Messwerte speichern</translation>
        </message>
        <message>
            <location filename="../../app/memory/saving.py" />
            <source>Save the report</source>
            <translation>Den Bericht speichern</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>There is no GPU to use: no NVIDIA driver was found.</source>
            <translation>Es gibt keine nutzbare GPU: Kein NVIDIA-Treiber wurde gefunden.</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>There is no GPU to use: the NVIDIA driver lists none.</source>
            <translation>Es gibt keine nutzbare GPU: Der NVIDIA-Treiber führt keine auf.</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>This torch is a build for the CPU only, too.</source>
            <translation>Auch dieses torch ist nur für die CPU gebaut.</translation>
        </message>
        <message>
            <location filename="../../app/memory/explanation.py" />
            <source>Why no GPU is used</source>
            <translation>Warum keine GPU genutzt wird</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>now</source>
            <translation>jetzt</translation>
        </message>
        <message>
            <location filename="../../app/memory/saving.py" />
            <source>the folder does not allow it</source>
            <translation>der Ordner erlaubt es nicht</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>unknown</source>
            <translation>unbekannt</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>{amount} GiB</source>
            <translation>{amount} GiB</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>{amount} bytes</source>
            <translation>{amount} Byte</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>{card} is not used: this torch is a build for the CPU only.</source>
            <translation>{card} wird nicht genutzt: Dieses torch ist nur für die CPU gebaut.</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>{card} is too old for this torch (compute capability {capability}).</source>
            <translation>{card} ist zu alt für dieses torch (Compute Capability {capability}).</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>{seconds} s ago</source>
            <translation>vor {seconds} s</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>−{minutes} min</source>
            <translation>−{minutes} min</translation>
        </message>
        <message>
            <location filename="../../app/memory/wording.py" />
            <source>−{seconds} s</source>
            <translation>−{seconds} s</translation>
        </message>
    </context>
    <context>
        <name>wording</name>
        <message>
            <location filename="../../app/wording.py" />
            <source>Cancelling…</source>
            <translation>Wird abgebrochen…</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>Done, {title}</source>
            <translation>Fertig, {title}</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>Failed</source>
            <translation>Fehlgeschlagen</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>In line</source>
            <translation>In der Reihe</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>Opening…</source>
            <translation>Wird geöffnet…</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>Pausing…</source>
            <translation>Wird angehalten…</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>RGB</source>
            <translation>RGB</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>RGB with alpha</source>
            <translation>RGB mit Alpha</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>Saved, {title}</source>
            <translation>Gespeichert, {title}</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>Upscaling, {percent} %</source>
            <translation>Wird vergrößert, {percent} %</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>Upscaling…</source>
            <translation>Wird vergrößert…</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>grey</source>
            <translation>Grau</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>grey with alpha</source>
            <translation>Grau mit Alpha</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>{duration} on {device}</source>
            <translation>{duration} auf {device}</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>{hours} h {minutes} min</source>
            <translation>{hours} h {minutes} min</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>{minutes} min</source>
            <translation>{minutes} min</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>{minutes} min {seconds} s</source>
            <translation>{minutes} min {seconds} s</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>{percent} % · {duration} left</source>
            <translation>{percent} % · noch {duration}</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>{seconds} s</source>
            <translation>{seconds} s</translation>
        </message>
        <message>
            <location filename="../../app/wording.py" />
            <source>{size} · {colours}, {bits} bit</source>
            <translation>{size} · {colours}, {bits} Bit</translation>
        </message>
    </context>
</TS>
