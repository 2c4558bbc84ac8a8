"""To which department what people report belongs, by industry and by class (RULES §5; rules 88, 96, 101).

Rules of this room: an industry has one department or none that is known, which is said and never guessed; what is
unlawful goes to the police at once (rule 88), whatever its industry; all else goes with the quarter (rule 101).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.preferences import Category


@dataclass(frozen=True, slots=True)
class Department:
    """A department of the state, as it is called."""

    department: str
    zh: str
    en: str


_ALL = (
    Department("nfra", "国家金融监督管理总局", "National Financial Regulatory Administration"),
    Department("mohurd", "住房和城乡建设部", "Ministry of Housing and Urban-Rural Development"),
    Department("csrc", "中国证券监督管理委员会", "China Securities Regulatory Commission"),
    Department("moe", "教育部", "Ministry of Education"),
    Department("mohrss", "人力资源和社会保障部", "Ministry of Human Resources and Social Security"),
    Department("nhc", "国家卫生健康委员会", "National Health Commission"),
    Department("mct", "文化和旅游部", "Ministry of Culture and Tourism"),
    Department("samr", "国家市场监督管理总局", "State Administration for Market Regulation"),
    Department("miit", "工业和信息化部", "Ministry of Industry and Information Technology"),
    Department("mps", "公安部", "Ministry of Public Security"),
)
DEPARTMENTS: Mapping[str, Department] = {each.department: each for each in _ALL}
POLICE = DEPARTMENTS["mps"]
BY_CATEGORY: Mapping[Category, str] = {  # home services, online games and others have none that is known
    Category.LOAN: "nfra", Category.COLLECTION: "nfra", Category.PROPERTY: "mohurd", Category.INSURANCE: "nfra",
    Category.SECURITIES: "csrc", Category.EDUCATION: "moe", Category.RECRUIT: "mohrss", Category.MATERNAL: "nhc",
    Category.TRAVEL: "mct", Category.RETAIL: "samr", Category.TELECOM: "miit", Category.FOOD: "samr",
    Category.RENOVATION: "mohurd",
}  # fmt: skip


def department_of(class_: str, category: int) -> Department | None:
    """The department of a report's class and category (-1: none); None where nobody is known to answer for it."""
    if class_ == "unlawful":
        return POLICE
    if class_ != "commercial" or not 0 <= category < len(Category):
        return None
    return DEPARTMENTS.get(BY_CATEGORY.get(Category(category), ""))


def at_once(class_: str) -> bool:
    """Whether it must not wait for the quarter."""
    return class_ == "unlawful"
