"""Invented people and figures for the pages under parts_pages/."""

# ruff: noqa: E501  tables of invented people read better unbroken

from __future__ import annotations

from types import SimpleNamespace

PAGES = [
    ("/login", "Sign-in"), ("/schedule?find=1", "Schedule"), ("/board", "Board"), ("/wall", "Wall"), ("/exam", "Exam"),
    ("/order", "Order"), ("/technologist?exam=RIV26004431", "Technologist"), ("/reconcile?linked=1", "Reconcile"),
    ("/messages?message=8841207", "Messages"), ("/claim", "Claim"), ("/dashboard", "Dashboard"), ("/portal", "Portal"),
    ("/letter", "Letter"), ("/admin/design", "Design"),
]  # fmt: skip

# role: (name, initials, word), daily places, (group's title, its places); a place: label, icon, url, count, hot, short
SHELLS = {
    "frontdesk": (
        ("Dana Whitlock", "DW", "Front desk"),
        [
            ("Schedule", "calendar-time", "/schedule", None, False, None),
            ("Board", "layout-kanban", "/board", None, False, None),
            ("Patients", "users", "#", None, False, None),
            ("Orders", "clipboard-list", "/order", 6, False, None),
            ("Waitlist", "list-check", "#", 4, False, None),
        ],
        ("Work", [
            ("Inbox", "inbox", "#", 3, False, None),
            ("Recalls", "phone-call", "#", None, False, None),
            ("Labels", "printer", "#", None, False, None),
        ]),
    ),
    "technologist": (
        ("Ruben Castellanos", "RC", "Technologist"),
        [
            ("Room list", "scan", "/technologist", None, False, None),
            ("Board", "layout-kanban", "/board", None, False, None),
            ("Reconcile", "link", "/reconcile", 3, True, None),
            ("Worklist log", "help-circle", "#", None, False, None),
        ],
        ("Rooms", [
            ("Rejects", "repeat", "#", None, False, None),
            ("Consumables", "flask", "#", None, False, None),
            ("Dose", "radioactive", "#", None, False, None),
        ]),
    ),
    "biller": (
        ("Tomasz Wrona", "TW", "Biller"),
        [
            ("Missing charges", "clipboard-off", "#", 7, False, "Missing"),
            ("Claims", "receipt", "/claim", 23, False, None),
            ("Denials", "circle-x", "#", 5, True, None),
            ("Payments", "cash", "#", None, False, None),
            ("Statements", "mail", "#", None, False, None),
        ],
        ("Set up", [("Payers", "building-bank", "#", None, False, None), ("Ledger", "scale", "#", None, False, None)]),
    ),
    "manager": (
        ("Halima Yusuf", "HY", "Manager"),
        [
            ("Dashboard", "chart-bar", "/dashboard", None, False, None),
            ("Turnaround", "clock", "#", None, False, None),
            ("Rooms", "building-hospital", "#", None, False, None),
            ("Referrers", "stethoscope", "#", None, False, None),
            ("Dose", "radioactive", "#", None, False, None),
        ],
        ("Quality", [("Repeats", "repeat", "#", None, False, None), ("Peer review", "star", "#", None, False, None)]),
    ),
    "admin": (
        ("Piet Vandermeer", "PV", "Administrator"),
        [
            ("Health", "heart-rate-monitor", "#", None, False, None),
            ("Messages", "message-2-code", "/messages", 4, True, None),
            ("Stations", "device-desktop", "#", None, False, None),
            ("People", "users", "#", None, False, None),
            ("Rules", "adjustments", "#", None, False, None),
        ],
        ("More", [("Audit", "history", "#", None, False, None), ("Storage", "database", "#", None, False, None)]),
    ),
    "patient": (
        ("Amara Okafor", "AO", "Patient"),
        [
            ("Home", "home", "/portal", None, False, None),
            ("Results", "photo", "#", None, False, None),
            ("Visits", "calendar-event", "#", None, False, None),
            ("Bills", "receipt", "#", None, False, None),
            ("My record", "user", "#", None, False, None),
        ],
        None,
    ),
}  # fmt: skip


def places_of(role: str, current: str) -> tuple[SimpleNamespace, list[SimpleNamespace], SimpleNamespace | None]:
    (name, initials, word), daily, group = SHELLS[role]

    def place(entry: tuple) -> SimpleNamespace:
        label, icon, url, number, hot, short = entry
        return SimpleNamespace(
            label=label, icon=icon, url=url, count=number, hot=hot, short=short, current=label == current
        )

    person = SimpleNamespace(name=name, initials=initials, role=word, url="/account")
    titled = group and SimpleNamespace(title=group[0], places=[place(entry) for entry in group[1]])
    return person, [place(entry) for entry in daily], titled


def rows(names: str, lines: list[tuple]) -> list[dict]:
    return [dict(zip(names.split(), line, strict=True)) for line in lines]


BOARD = rows("key wait name facts exam room state step since note", [
    ("a1", 38, "Kaur, Simran", "34 F", "XR ankle left", "DX1", "arrived", 2, "10:04", "Wheelchair"),
    ("a2", 27, "Moreau, Camille", "51 F", "MR brain with contrast", "MR1", "arrived", 2, "10:15", "MR safety: clip to check"),
    ("a3", 19, "Petrov, Dimitri", "67 M", "CT urogram", "CT1", "arrived", 2, "10:23", "IV placed"),
    ("a4", 12, "Rahman, Nadia", "42 F", "US breast right", "US1", "arrived", 2, "10:30", ""),
    ("a5", 6, "Costa, Rui", "29 M", "XR chest", "DX1", "arrived", 2, "10:36", ""),
    ("a6", None, "Okafor, Amara", "58 F", "CT chest with contrast", "CT1", "in_progress", 3, "10:21", "Images 268 of 412"),
    ("a7", None, "Ito, Kenji", "45 M", "MR knee right", "MR1", "in_progress", 3, "10:33", "Series 2 of 6"),
    ("a8", None, "Olsen, Astrid", "31 F", "US obstetric", "US1", "in_progress", 3, "10:24", ""),
    ("a9", None, "Yamada, Yuki", "49 F", "Mammogram screening", "MG1", "in_progress", 3, "10:35", ""),
    ("b1", None, "Jensen, Freja", "23 F", "XR wrist right", "DX1", "performed", 4, "10:22", "2 of 3 images, asked again"),
    ("b2", None, "Chandra, Vikram", "60 M", "MR lumbar spine", "MR1", "performed", 4, "10:28", "Images complete"),
    ("b3", None, "Nguyen, Minh", "38 M", "US renal", "US1", "to_read", 5, "10:11", "Waiting room, wants result"),
    ("b4", None, "Abara, Chidi", "72 M", "XR chest", "DX1", "to_read", 5, "10:02", "Urgent"),
    ("b5", None, "Lindqvist, Nils", "40 M", "CT sinuses", "CT1", "to_read", 5, "09:58", ""),
    ("b6", None, "Mwangi, Grace", "63 F", "CT angiogram aorta", "CT1", "reading", 6, "10:31", "Ingrid Solheim"),
    ("b7", None, "Rossi, Paola", "55 F", "Mammogram diagnostic left", "MG1", "preliminary", 6, "10:25", "Awaits second read"),
    ("b8", None, "Castillo, Inés", "27 F", "US pelvis", "US1", "preliminary", 6, "10:09", ""),
    ("b9", None, "Ferreira, Luís", "81 M", "CT head", "CT1", "final", 7, "09:40", "Critical result, acknowledged"),
    ("c1", None, "Haddad, Layla", "36 F", "CT abdomen", "CT1", "scheduled", 1, "11:30", "Confirmed by text"),
    ("c2", None, "Volkova, Irina", "44 F", "US carotid", "US1", "scheduled", 1, "11:30", ""),
])  # fmt: skip

TECHNOLOGIST = rows("key time name facts exam state safety safety_words got listed", [
    ("RIV26004401", "08:00", "Kowalski, Zofia", "33 F", "MR brain", "final", "cleared", "", 312, 312),
    ("RIV26004409", "08:45", "Reyes, Marisol", "64 F", "MR pelvis", "to_read", "cleared", "", 486, 486),
    ("RIV26004415", "09:45", "Chandra, Vikram", "60 M", "MR lumbar spine", "performed", "cleared", "", 204, 204),
    ("RIV26004431", "10:30", "Ito, Kenji", "45 M", "MR knee right", "in_progress", "cleared", "", 96, 240),
    ("RIV26004433", "11:15", "Moreau, Camille", "51 F", "MR brain with contrast", "arrived", "stop", "Stop: clip", 0, 0),
    ("RIV26004436", "12:00", "Delgado, Mateo", "39 M", "MR knee left", "scheduled", "cleared", "", 0, 0),
    ("RIV26004437", "13:45", "Vasquez, Elena", "55 F", "MR knee right", "scheduled", "stop", "Stop: implant", 0, 0),
    ("RIV26004438", "14:45", "Fairweather, June", "70 F", "MR liver with contrast", "scheduled", "value-due", "eGFR due", 0, 0),
    ("RIV26004440", "15:45", "Gunnarsdóttir, Ása", "28 F", "MR shoulder left", "scheduled", "form-due", "", 0, 0),
    ("RIV26004441", "16:30", "Ahmadi, Reza", "58 M", "MR cervical spine", "scheduled", "cleared", "", 0, 0),
    ("RIV26004442", "17:15", "Lindholm, Sara", "44 F", "MR breast both", "scheduled", "cleared", "", 0, 0),
    ("RIV26004443", "18:00", "Tanaka, Jun", "31 M", "MR ankle right", "scheduled", "form-due", "", 0, 0),
    ("RIV26004444", "18:30", "Obi, Ngozi", "49 F", "MR abdomen", "scheduled", "cleared", "", 0, 0),
    ("RIV26004445", "19:15", "Keller, Matthias", "62 M", "MR prostate", "scheduled", "cleared", "", 0, 0),
    ("RIV26004446", "20:00", "Singh, Harpreet", "36 M", "MR wrist right", "cancelled", "not-needed", "", 0, 0),
])  # fmt: skip

MESSAGES = rows("key time inward partner type name state about", [
    ("8841209", "10:41:52", True, "EMR|HOSPITAL", "ORM^O01", "Okafor, Amara", "accepted", "RIV26004440"),
    ("8841207", "10:41:07", True, "EMR|HOSPITAL", "ADT^A08", "Nguyen, Minh", "refused", "PID-7"),
    ("8841203", "10:40:55", False, "EMR|HOSPITAL", "ORU^R01", "Ferreira, Luís", "accepted", "RIV26004389"),
    ("8841201", "10:39:20", False, "BILLING", "DFT^P03", "Ferreira, Luís", "paused", "RIV26004389"),
    ("8841198", "10:38:44", True, "LAB", "ORU^R01", "Fairweather, June", "accepted", "eGFR 58"),
    ("8841192", "10:37:10", True, "EMR|HOSPITAL", "ADT^A04", "Costa, Rui", "accepted", ""),
    ("8841190", "10:36:58", True, "EMR|HOSPITAL", "SIU^S14", "Costa, Rui", "accepted", "RIV26004436"),
    ("8841186", "10:35:31", True, "HILLCREST", "ORM^O01", "Whitfield, Ann", "refused", "ORC-2"),
    ("8841180", "10:34:02", True, "EMR|HOSPITAL", "ADT^A40", "Ito, Kenji", "accepted", "Merged M0039977"),
    ("8841179", "10:33:40", True, "EMR|HOSPITAL", "ORM^O01", "Ito, Kenji", "accepted", "RIV26004431"),
    ("8841171", "10:31:12", False, "FAX", "MDM^T02", "Mwangi, Grace", "trying", "Try 2 of 6"),
    ("8841166", "10:30:00", True, "LAB", "ORU^R01", "Moreau, Camille", "accepted", "Creatinine 71"),
    ("8841160", "10:28:49", True, "EMR|HOSPITAL", "OMI^O23", "Keller, Matthias", "accepted", "RIV26004439"),
    ("8841151", "10:27:15", False, "EMR|HOSPITAL", "ORU^R01", "Becker, Jonas", "accepted", "RIV26004401"),
    ("8841147", "10:26:03", True, "EMR|HOSPITAL", "ADT^A08", "Haddad, Layla", "repeat", "Seen before"),
    ("8841143", "10:25:47", False, "BILLING", "DFT^P03", "Becker, Jonas", "paused", "RIV26004401"),
    ("8841138", "10:24:30", True, "EMR|HOSPITAL", "ORM^O01", "Obi, Ngozi", "accepted", "RIV26004438"),
    ("8841131", "10:22:18", True, "EMR|HOSPITAL", "SIU^S12", "Obi, Ngozi", "accepted", "RIV26004438"),
])  # fmt: skip

OFFERS = rows("value day time text chosen held", [
    ("1", "Today", "14:15–14:45", "CT1, Main Street · Priya N.", True, "Held"),
    ("2", "Today", "17:00–17:30", "CT1, Main Street · Priya N.", False, ""),
    ("3", "Wed 25 Nov", "13:15–13:45", "CT2, Harbour View · Marta L.", False, ""),
    ("4", "Wed 25 Nov", "14:00–14:30", "CT1, Main Street · Priya N.", False, ""),
    ("5", "Wed 25 Nov", "15:30–16:00", "CT2, Harbour View · Marta L.", False, ""),
    ("6", "Fri 27 Nov", "12:45–13:15", "CT1, Main Street · Joan B.", False, ""),
])  # fmt: skip

PROCEDURES = [
    ("MR", "MR knee without contrast", "30 min · needs authorisation"),
    ("MR", "MR knee with and without contrast", "45 min · injector"),
    ("MR", "MR arthrogram knee", "60 min · radiologist in room"),
    ("XR", "XR knee, 3 views", "15 min"),
]

SEARCH = {
    "patients": [
        ("AO", "Okafor, Amara Chidinma", "3 Jun 1968 (58 y) · Female · M0044102 · in CT1 now", "in_progress"),
        ("CO", "Okafor, Chidi", "12 Aug 1994 (32 y) · Male · M0029180", ""),
        ("NA", "Abara-Okafo, Ngozi", "30 Jan 1981 (45 y) · Female · M0051020 · sounds alike", ""),
    ],
    "exams": [
        ("ct", "CT chest with contrast", "RIV26004412 · Okafor, Amara · today 10:15 EST", "in_progress"),
        ("us", "US thyroid", "RIV26003377 · Okafor, Amara · 2 Oct 2026", "final"),
    ],
    "actions": [("plus", "New order", "N"), ("door-enter", "Check in", "C"), ("printer", "Print label", "P")],
}


# Share of bookable time used, from 08 to 17 o'clock; each number would link to its exams.
LOAD = [
    (room, [(number, None) for number in numbers])
    for room, numbers in [
        ("CT1", [72, 88, 94, 91, 40, 86, 92, 84, 70, 44]), ("MR1", [86, 97, 99, 98, 62, 96, 98, 97, 91, 80]),
        ("US1", [64, 79, 85, 82, 28, 77, 80, 66, 48, 22]), ("NM1", [44, 62, 58, 50, 12, 48, 36, 28, 10, 0]),
    ]
]  # fmt: skip

STARTS = 7 * 60 + 30
ENDS = 17 * 60 + 30
ROOMS = rows("name kind load", [
    ("CT1", "CT", "86 %"), ("MR1", "MR", "94 %"), ("US1", "Ultrasound", "71 %"),
    ("DX1", "X-ray", "58 %"), ("MG1", "Mammo", "63 %"), ("NM1", "Nuclear", "40 %"),
])  # fmt: skip


def row_of(time: str) -> int:
    hours, minutes = time.split(":")
    return (int(hours) * 60 + int(minutes) - STARTS) // 5


def slots() -> list[dict]:
    lines = [
        (1, "07:45", 30, "Brandt, Elke", "CT abdomen with contrast", "final", ""),
        (1, "08:15", 30, "Ferreira, Luís", "CT head", "final", ""),
        (1, "08:45", 45, "Mwangi, Grace", "CT angiogram aorta", "reading", ""),
        (1, "09:30", 30, "Lindqvist, Nils", "CT sinuses", "to_read", ""),
        (1, "10:15", 45, "Okafor, Amara", "CT chest with contrast", "in_progress", ""),
        (1, "11:00", 30, "Petrov, Dimitri", "CT urogram", "arrived", "droplet"),
        (1, "11:30", 30, "Haddad, Layla", "CT abdomen", "scheduled", ""),
        (1, "13:00", 30, "Novak, Jiří", "CT chest low dose", "scheduled", ""),
        (1, "13:30", 45, "Oyelaran, Tunde", "CT coronary", "scheduled", "shield-exclamation"),
        (1, "15:00", 30, "Sørensen, Ida", "CT head", "scheduled", ""),
        (2, "08:00", 45, "Kowalski, Zofia", "MR brain", "final", ""),
        (2, "08:45", 60, "Reyes, Marisol", "MR prostate", "to_read", ""),
        (2, "09:45", 45, "Chandra, Vikram", "MR lumbar spine", "performed", ""),
        (2, "10:30", 45, "Ito, Kenji", "MR knee right", "in_progress", ""),
        (2, "11:15", 45, "Moreau, Camille", "MR brain with contrast", "arrived", "magnet"),
        (2, "12:45", 45, "Delgado, Mateo", "MR knee left", "scheduled", ""),
        (2, "14:45", 60, "Fairweather, June", "MR liver with contrast", "scheduled", "droplet"),
        (3, "08:00", 30, "Dlamini, Thandi", "US thyroid", "final", ""),
        (3, "08:30", 30, "Becker, Jonas", "US abdomen", "final", ""),
        (3, "09:00", 30, "Castillo, Inés", "US pelvis", "preliminary", ""),
        (3, "09:45", 30, "Nguyen, Minh", "US renal", "to_read", ""),
        (3, "10:20", 30, "Olsen, Astrid", "US obstetric", "in_progress", ""),
        (3, "11:00", 30, "Rahman, Nadia", "US breast right", "scheduled", ""),
        (3, "11:30", 30, "Volkova, Irina", "US carotid", "scheduled", ""),
        (3, "13:30", 30, "Adeyemi, Folu", "US abdomen", "scheduled", ""),
        (3, "14:00", 30, "Marchetti, Gia", "US thyroid biopsy", "scheduled", ""),
        (4, "08:00", 15, "Park, Ji-woo", "XR hand", "final", ""),
        (4, "08:20", 15, "Silva, Bento", "XR chest", "final", ""),
        (4, "08:45", 15, "Weiss, Miriam", "XR hip", "final", ""),
        (4, "09:15", 15, "Tran, Linh", "XR foot", "no_show", ""),
        (4, "09:45", 15, "Abara, Chidi", "XR chest", "to_read", ""),
        (4, "10:10", 15, "Jensen, Freja", "XR wrist right", "performed", ""),
        (4, "10:35", 15, "Kaur, Simran", "XR ankle left", "arrived", ""),
        (4, "11:15", 15, "Costa, Rui", "XR chest", "scheduled", ""),
        (4, "13:15", 15, "Laine, Aino", "XR knee", "scheduled", ""),
        (4, "14:00", 15, "Mbeki, Sipho", "XR spine", "scheduled", ""),
        (5, "08:00", 20, "Holm, Birgit", "Screening", "to_read", ""),
        (5, "08:30", 20, "Ivanova, Anya", "Screening", "to_read", ""),
        (5, "09:00", 20, "Da Costa, Leonor", "Screening", "final", ""),
        (5, "09:30", 40, "Rossi, Paola", "Diagnostic left", "preliminary", ""),
        (5, "10:30", 20, "Yamada, Yuki", "Screening", "in_progress", ""),
        (5, "11:00", 20, "Flores, Elena", "Screening", "cancelled", ""),
        (5, "11:30", 20, "Bergström, Maja", "Screening", "scheduled", ""),
        (5, "13:00", 20, "Mensah, Efua", "Screening", "scheduled", ""),
        (5, "13:30", 20, "Whitfield, Ann", "Screening", "scheduled", ""),
        (5, "14:15", 40, "Kim, Soo-jin", "Diagnostic right", "scheduled", ""),
        (6, "08:30", 60, "Eriksen, Tor", "Bone scan injection", "performed", ""),
        (6, "11:30", 60, "Eriksen, Tor", "Bone scan images", "scheduled", ""),
        (6, "13:30", 90, "Baptiste, Odette", "Myocardial rest", "scheduled", ""),
    ]
    found = []
    for number, (column, time, minutes, name, exam, state, warning) in enumerate(lines):
        found.append(
            {
                "id": number, "url": f"/schedule?slot={number}", "name": name, "exam": exam, "state": state,
                "column": column, "row": row_of(time), "span": minutes // 5, "warning": warning,
                "words": f"{time}, {minutes} min, {exam}, {state.replace('_', ' ')}",
                "selected": name == "Okafor, Amara", "off": state in ("cancelled", "no_show"),
                "move_url": f"/schedule/move/{number}" if state == "scheduled" else "",
            }
        )  # fmt: skip
    return found


CALENDAR = {
    "rooms": ROOMS,
    "rows": (ENDS - STARTS) // 5,
    "starts": STARTS,
    "hours": [(row_of(f"{hour:02}:00"), f"{hour:02}:00") for hour in range(8, 18)],
    "now": (row_of("10:40"), "10:42"),
    "past": row_of("10:40"),
    "slots": slots(),
    "blocked": rows("column row span words", [
        (1, row_of("12:00"), 12, "Lunch"), (2, row_of("12:00"), 9, "Lunch"), (3, row_of("12:30"), 12, "Lunch"),
        (4, row_of("12:00"), 9, "Lunch"), (5, row_of("12:00"), 12, "Quality control"),
        (6, row_of("10:00"), 12, "Maintenance, until 11:00"),
    ]),
    "held": {"column": 1, "row": row_of("14:15"), "span": 6, "time": "14:15–14:45", "words": "Held 4:32 for you"},
}  # fmt: skip

# Ellipses of a drawn picture: middle x and y, half width and half height, grey.
PHANTOMS = {
    "ct": [
        (0, 0, 0.95, 0.7, 90), (0, 0, 0.88, 0.63, 120), (-0.44, 0, 0.34, 0.46, 25), (0.46, 0, 0.32, 0.46, 25),
        *[(-0.62 + 0.09 * n + 0.03 * (n % 3), -0.3 + 0.17 * (n % 4), 0.03, 0.016, 140) for n in range(7)],
        *[(0.3 + 0.06 * n, -0.3 + 0.19 * (n % 4), 0.024, 0.016, 140) for n in range(7)],
        (0.1, -0.15, 0.28, 0.22, 165), (0.02, 0.42, 0.14, 0.12, 210), (0.2, 0.26, 0.08, 0.08, 195),
    ],
    "chest": [(0, 0.35, 0.86, 1.15, 150), (-0.38, 0, 0.29, 0.68, 52), (0.38, 0, 0.29, 0.68, 52), (0.16, 0.36, 0.36, 0.3, 185)],
    "knee": [
        (0, 0, 0.7, 1.3, 100), (0, -0.6, 0.36, 0.55, 195), (0, -0.15, 0.45, 0.2, 205),
        (0, 0.42, 0.42, 0.2, 190), (0, 0.9, 0.3, 0.6, 185), (0, 0.12, 0.5, 0.04, 40),
    ],
    "us": [(0, 0.2, 0.85, 0.9, 70), (0.1, -0.05, 0.36, 0.24, 8), (0.18, 0.02, 0.09, 0.06, 235)],
}  # fmt: skip
