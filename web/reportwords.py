"""What is said about people's reports: types of harassment, provinces, steps in plain words (also of the case and the
measures that came of them), what comes next.

Rules of this room: plain words, one sentence each; a text message's answer fits one message where it can.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext

HARASSMENT: Mapping[str, Any] = {  # RULES §5, beside the industries
    "bombing": lazy_gettext("Calls without end"),
    "ring_once": lazy_gettext("Rang once, to be called back"),
    "threats": lazy_gettext("Threats"),
    "fraud": lazy_gettext("Suspected fraud"),
    "invoices": lazy_gettext("Invoices and false papers"),
    "illegal_finance": lazy_gettext("Illegal finance"),
    "pornography": lazy_gettext("Pornography"),
    "gambling": lazy_gettext("Gambling"),
    "rumours": lazy_gettext("Unlawful rumours"),
}

PROVINCES: Mapping[str, Any] = {
    "beijing": lazy_gettext("Beijing"), "tianjin": lazy_gettext("Tianjin"), "hebei": lazy_gettext("Hebei"),
    "shanxi": lazy_gettext("Shanxi"), "inner_mongolia": lazy_gettext("Inner Mongolia"),
    "liaoning": lazy_gettext("Liaoning"), "jilin": lazy_gettext("Jilin"), "heilongjiang": lazy_gettext("Heilongjiang"),
    "shanghai": lazy_gettext("Shanghai"), "jiangsu": lazy_gettext("Jiangsu"), "zhejiang": lazy_gettext("Zhejiang"),
    "anhui": lazy_gettext("Anhui"), "fujian": lazy_gettext("Fujian"), "jiangxi": lazy_gettext("Jiangxi"),
    "shandong": lazy_gettext("Shandong"), "henan": lazy_gettext("Henan"), "hubei": lazy_gettext("Hubei"),
    "hunan": lazy_gettext("Hunan"), "guangdong": lazy_gettext("Guangdong"), "guangxi": lazy_gettext("Guangxi"),
    "hainan": lazy_gettext("Hainan"), "chongqing": lazy_gettext("Chongqing"), "sichuan": lazy_gettext("Sichuan"),
    "guizhou": lazy_gettext("Guizhou"), "yunnan": lazy_gettext("Yunnan"), "tibet": lazy_gettext("Tibet"),
    "shaanxi": lazy_gettext("Shaanxi"), "gansu": lazy_gettext("Gansu"), "qinghai": lazy_gettext("Qinghai"),
    "ningxia": lazy_gettext("Ningxia"), "xinjiang": lazy_gettext("Xinjiang"),
}  # fmt: skip

STEPS: Mapping[str, Any] = {  # moves of `handlingmoves`
    "accept": lazy_gettext("Your report is complete, and was accepted."),
    "return": lazy_gettext("Your report came back to you: something is missing."),
    "complete": lazy_gettext("You gave what was missing."),
    "forward": lazy_gettext("It went to whoever answers for the caller, without your number."),
    "find_violation": lazy_gettext("They looked into it: it was a violation."),
    "find_unfounded": lazy_gettext("They looked into it and found no violation."),
    "disown": lazy_gettext("They say that the caller is not theirs. We look for who is."),
    "measure": lazy_gettext("Something was done about the caller."),
    "feed_back": lazy_gettext("They answered us."),
    "tell": lazy_gettext("You were told the answer."),
    "reopen": lazy_gettext("It is being looked at again."),
    "appeal": lazy_gettext("It is before the appeal body, 12300."),
    "close": lazy_gettext("The report is closed."),
    "late": lazy_gettext("The time for this step ran out. It still has to be done; the administration knows."),
    "release": lazy_gettext("Many reports like yours came at once. Somebody looked at them: they count."),
    "dismiss": lazy_gettext("Many reports like yours came at once. Somebody looked at them: they do not count."),
}

CASE_STEPS: Mapping[str, Any] = {  # of `consequences`: decided in the case that the report speaks in
    "open": lazy_gettext("Your report is part of a case now: officers look at all that speaks against the caller."),
    "order": lazy_gettext("In the case: whoever is behind the caller was ordered to put it right."),
    "warn": lazy_gettext("In the case: whoever is behind the caller was warned."),
    "fine": lazy_gettext("In the case: a fine was decided."),
    "publish": lazy_gettext("The case was made public."),
    "file_credit": lazy_gettext("The case ended with an entry in the credit file of whoever is behind the caller."),
    "close": lazy_gettext("The case was closed."),
    "reopen": lazy_gettext("The case was opened again."),
}

MEASURE_STEPS: Mapping[str, Any] = {  # of `consequences`; %(what)s: the measure
    "decide": lazy_gettext("A measure was decided (%(what)s), and whoever it is against was told."),
    "enter": lazy_gettext("The measure began (%(what)s)."),
    "appeal": lazy_gettext("Whoever the measure is against appealed (%(what)s)."),
    "grant": lazy_gettext("The appeal was found right: the measure was lifted at once (%(what)s)."),
    "reject": lazy_gettext("The appeal was turned down: the measure stays (%(what)s)."),
    "lift": lazy_gettext("The measure was lifted (%(what)s)."),
    "expire": lazy_gettext("The measure came to its end (%(what)s)."),
}

NEXT: Mapping[str, Any] = {  # states
    "submitted": lazy_gettext("We look whether everything is there."),
    "returned": lazy_gettext("Give what is missing below; until then nobody is asked."),
    "accepted": lazy_gettext("We find out who answers for the caller, and pass the report on."),
    "forwarded": lazy_gettext("Whoever answers for the caller looks into it and answers us."),
    "violation": lazy_gettext("Something has to be done about the caller, and we are told what."),
    "unfounded": lazy_gettext("The answer comes to us, and we tell you."),
    "not_ours": lazy_gettext("We look for who answers for the caller."),
    "measured": lazy_gettext("The answer comes to us, and we tell you."),
    "fed_back": lazy_gettext("We tell you the answer."),
    "told": lazy_gettext("If you are not satisfied, come back below or appeal to 12300. Else the report is closed."),
    "reopened": lazy_gettext("We pass it on once more."),
    "appealed": lazy_gettext("12300 says within five working days whether it takes the appeal."),
    "closed": lazy_gettext("Nothing more. Thank you."),
}

STATES: Mapping[str, tuple[str, Any]] = {  # colour, word
    "submitted": ("warn", lazy_gettext("Received")), "returned": ("stop", lazy_gettext("Something is missing")),
    "accepted": ("warn", lazy_gettext("Accepted")), "forwarded": ("warn", lazy_gettext("Being looked into")),
    "violation": ("stop", lazy_gettext("Violation found")), "unfounded": ("plain", lazy_gettext("No violation found")),
    "not_ours": ("warn", lazy_gettext("Being looked into")), "measured": ("ok", lazy_gettext("Something was done")),
    "fed_back": ("ok", lazy_gettext("Answered")), "told": ("ok", lazy_gettext("Answered")),
    "reopened": ("warn", lazy_gettext("Looked at again")), "appealed": ("warn", lazy_gettext("Appealed")),
    "closed": ("plain", lazy_gettext("Closed")),
}  # fmt: skip

MISSING: Mapping[str, Any] = {
    "caller": lazy_gettext("the number that it came from"),
    "description": lazy_gettext("what was said or written"),
    "consent": lazy_gettext("your consent to pass it on"),
}

TURNS: Mapping[str, Any] = {
    "reopen": lazy_gettext("Have it looked at again"), "appeal": lazy_gettext("I have appealed to 12300"),
    "close": lazy_gettext("Close the report"),
}  # fmt: skip

PROBLEMS: Mapping[str, Any] = {
    "own_caller": lazy_gettext("This is your own number. Give the number that called you."),
    "said_already": lazy_gettext("You reported the same a moment ago: it counts once."),
    "still_missing": lazy_gettext("This is still missing."),
    "unknown_province": lazy_gettext("Please choose one."),
    "no_file": lazy_gettext("Choose a file first."),
    "several_files": lazy_gettext("Send one file at a time."),
    "upload_cut": lazy_gettext("The upload broke off before its end. Please send the file again."),
    "too_large": lazy_gettext("A file has at most 10 MB."),
    "evidence_too_large": lazy_gettext("A file has at most 10 MB."),
    "evidence_empty": lazy_gettext("The file is empty."),
    "evidence_type": lazy_gettext(
        "This is neither a picture (JPEG, PNG, WebP, GIF) nor a sound (MP3, M4A, AAC, AMR, WAV, OGG), "
        "whatever its name says."
    ),
    "evidence_broken": lazy_gettext("The file is damaged, or is not what it says it is."),
    "evidence_full": lazy_gettext("A report has at most five files."),
    "report_closed": lazy_gettext("The report is closed."),
    "no_such_move": lazy_gettext("The report has moved on meanwhile. This is how it stands now."),
}
