"""Where rows lie: one engine, numbered migrations, one module of SQL per aggregate.

Use cases get a `Store` and open the transaction (`with store.writing():`); the aggregates below only speak SQL.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from registry.store.allowances import Allowances
from registry.store.applications import Applications
from registry.store.audit import Audit
from registry.store.batchrows import BatchRows
from registry.store.bulletins import Bulletins
from registry.store.cases import Cases
from registry.store.centre import Centre
from registry.store.checks import Checks
from registry.store.clues import Clues
from registry.store.codes import Codes
from registry.store.consents import Consents
from registry.store.credit import Credit
from registry.store.daycounts import DayCounts
from registry.store.editions import Editions
from registry.store.engine import Engine
from registry.store.enterprises import Enterprises
from registry.store.epochs import Epochs
from registry.store.feedhistory import FeedHistory
from registry.store.feeds import Feeds
from registry.store.findings import FindingRows
from registry.store.gathering import Gathering
from registry.store.guard import Guard
from registry.store.handling import Handlings
from registry.store.jobs import Jobs
from registry.store.ledgers import Ledgers
from registry.store.measures import Measures
from registry.store.numberevents import NumberEvents
from registry.store.opendata import OpenData
from registry.store.organisations import Organisations
from registry.store.parties import Parties
from registry.store.peaks import Peaks
from registry.store.penalties import Penalties
from registry.store.peoplesreports import PeoplesReports
from registry.store.quotas import Quotas
from registry.store.receiptkeys import ReceiptKeyRows
from registry.store.receipts import Receipts
from registry.store.registrations import Registrations
from registry.store.reports import Reports
from registry.store.restrictions import Restrictions
from registry.store.savedviews import SavedViews
from registry.store.schema import migrate, newest
from registry.store.scrubjobs import ScrubJobs
from registry.store.scrubs import Scrubs
from registry.store.serving import Serving
from registry.store.sessions import Sessions
from registry.store.vitals import Vitals
from registry.store.webhooks import Webhooks


class Store:
    """The database: transactions, and one attribute per aggregate."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.allowances = Allowances(engine)
        self.applications = Applications(engine)
        self.audit = Audit(engine)
        self.batch_rows = BatchRows(engine)
        self.bulletins = Bulletins(engine)
        self.cases = Cases(engine)
        self.centre = Centre(engine)
        self.checks = Checks(engine)
        self.clues = Clues(engine)
        self.codes = Codes(engine)
        self.consents = Consents(engine)
        self.credit = Credit(engine)
        self.day_counts = DayCounts(engine)
        self.editions = Editions(engine)
        self.enterprises = Enterprises(engine)
        self.epochs = Epochs(engine)
        self.feed_history = FeedHistory(engine)
        self.feeds = Feeds(engine)
        self.findings = FindingRows(engine)
        self.gathering = Gathering(engine)
        self.guard = Guard(engine)
        self.handling = Handlings(engine)
        self.jobs = Jobs(engine)
        self.ledgers = Ledgers(engine)
        self.measures = Measures(engine)
        self.number_events = NumberEvents(engine)
        self.open_data = OpenData(engine)
        self.organisations = Organisations(engine)
        self.parties = Parties(engine)
        self.peaks = Peaks(engine)
        self.peoples_reports = PeoplesReports(engine)
        self.penalties = Penalties(engine)
        self.quotas = Quotas(engine)
        self.receipt_keys = ReceiptKeyRows(engine)
        self.receipts = Receipts(engine)
        self.registrations = Registrations(engine)
        self.reports = Reports(engine)
        self.restrictions = Restrictions(engine)
        self.serving = Serving(engine)
        self.saved_views = SavedViews(engine)
        self.scrub_jobs = ScrubJobs(engine)
        self.scrubs = Scrubs(engine)
        self.sessions = Sessions(engine)
        self.vitals = Vitals(engine)
        self.webhooks = Webhooks(engine)

    def writing(self, about: bytes | str | None = None) -> AbstractContextManager[None]:
        """One transaction that writes; name what it is about when it reads before it writes."""
        return self.engine.writing(about)

    def reading(self) -> AbstractContextManager[None]:
        """One consistent state to read from."""
        return self.engine.reading()

    def migrate(self, *, at: int) -> list[int]:
        """Bring the schema up to date; the numbers of the migrations that ran."""
        return migrate(self.engine, at=at)

    def schema(self) -> int:
        """The number of the newest migration that has run; 0 for a database that is empty."""
        return newest(self.engine)

    def close(self) -> None:
        """Close all connections."""
        self.engine.close()
