// The one script of every page. Each module does one thing, finds its elements by data attributes, and listens on
// the document, so that fragments swapped in later need no wiring.
// What the attributes mean: docs/developer/design-system.md.

import "htmx.org";

import { startRequests } from "./requests.js";
import { startToasts } from "./toasts.js";
import { startDialogs } from "./dialogs.js";
import { startDrawers } from "./drawers.js";
import { startPalette } from "./palette.js";
import { startShortcuts } from "./shortcuts.js";
import { startLists } from "./lists.js";
import { startLive } from "./live.js";
import { startForms } from "./forms.js";
import { startComboboxes } from "./combobox.js";
import { startFigures } from "./figure.js";
import { startCalendar } from "./calendar.js";
import { startChrome } from "./chrome.js";
import { startReading } from "./reading.js";

// Earlier ones see a key first: a dialog's Escape must not close the drawer under it.
startRequests();
startToasts();
startDialogs();
startPalette();
startComboboxes();
startCalendar();
startDrawers();
startShortcuts();
startLists();
startLive();
startForms();
startFigures();
startChrome();
startReading();
