"""The number plan as data: mobile ranges, landline areas, short codes and ports, carriers, holidays (RULES §7).

Rules of this room: ranges, kinds and calendars stand in the TOML files beside this module and never in code; a plan
that contradicts itself stops the start; a year that the calendar does not know is refused, never guessed.
"""

from registry.numbering.draw import draw_numbers
from registry.numbering.holidays import Holidays, load_holidays, parse_holidays
from registry.numbering.load import read_plan as load_plan
from registry.numbering.plan import CallerKind, NumberPlan

__all__ = ["CallerKind", "Holidays", "NumberPlan", "draw_numbers", "load_holidays", "load_plan", "parse_holidays"]
