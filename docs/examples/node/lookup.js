// May this contact happen? The order of rule 49 as a carrier asks it (see /rules of the registry), from the list here.
//   node lookup.js STATE_FOLDER 13800138000 '{"channel": "calls", "category": "loan", "at": "2026-11-23T10:00+08:00"}'
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readState } from "./follow.js";
import { EXCEPTIONS, LIST, Rows } from "./list.js";
import { tagger } from "./keys.js";

export const CHANNELS = ["calls", "robocalls", "messages"];
export const CATEGORIES = [ // bit i of a mask is category i, for ever
  "loan", "collection", "property", "insurance", "securities", "education", "recruit", "home", "maternal", "travel",
  "retail", "telecom", "game", "food", "renovation", "other",
];
const ALLOW = 1, DENY = 2, CONSENT = 3; // kinds of exceptions
const ALL = 0xffff;
const HOLIDAYS = JSON.parse(readFileSync(new URL("holidays.json", import.meta.url), "utf8"));
const RULES = {
  public_interest: [true, "3"], service: [true, "7"], personal_allow: [true, "40"], personal_deny: [false, "40"],
  everything_declined: [false, "49(7)"], category_declined: [false, "49(7)"], quiet_hours: [false, "49(9)"],
  consented: [true, "49(10)"], no_recorded_will: [true, "34"],
};

export class BadQuestion extends Error {}

/** The list in a folder, open for lookups. */
export class Lookup {
  constructor(folder) {
    this.folder = folder;
    this.#open();
  }

  #open() {
    this.stamp = statSync(join(this.folder, "state.json")).mtimeMs;
    const state = readState(this.folder);
    this.edition = state.edition;
    this.list = new Rows(LIST, readFileSync(join(this.folder, state.files[0])));
    this.exceptions = new Rows(EXCEPTIONS, readFileSync(join(this.folder, state.files[1])));
    this.tag = tagger(Buffer.from(state.keys[state.epoch], "hex"), state.algorithm);
    this.ordinals = new Map(Object.entries(state.parties).map(([ordinal, party]) => [party, Number(ordinal)]));
  }

  /** See what the follower has brought since. */
  refresh() {
    if (statSync(join(this.folder, "state.json")).mtimeMs !== this.stamp) this.#open();
  }

  /** {allow, reason, rule, edition} for {number, at, channel, category, content, party}; throws BadQuestion. */
  answer({ number, at, channel = "calls", category = "other", content = "commercial", party = "" }) {
    const digits = /^(?:\+86|0086|86)?(1[3-9]\d{9})$/.exec(number)?.[1]; // your own number plan knows more than this
    const moment = new Date(/(Z|[+-]\d\d:\d\d)$/.test(at) ? at : NaN); // a moment without its zone is none
    const [way, bit] = [CHANNELS.indexOf(channel), CATEGORIES.indexOf(category)];
    const known = ["commercial", "service", "public_interest"].includes(content);
    const makesSense = digits && !Number.isNaN(moment.getTime()) && way >= 0 && bit >= 0 && known;
    if (!makesSense) throw new BadQuestion("this is no question");
    const tag = this.tag(`86${digits}`);
    const [row] = this.list.of(tag);
    const reason = this.#reason(row, this.#exceptions(tag, party, moment), { moment, channel, bit, content });
    return { allow: RULES[reason][0], reason, rule: RULES[reason][1], edition: this.edition };
  }

  /** What holds between a number and a telemarketer, by kind; an exception holds through its last day, UTC. */
  #exceptions(tag, party, moment) {
    const [ordinal, today] = [this.ordinals.get(party), Math.floor(moment.getTime() / 86_400_000)];
    const mine = ordinal === undefined ? [] : this.exceptions.of(tag).filter((each) => each.party === ordinal);
    const holds = mine.filter((each) => !each.until || today <= each.until);
    return Object.fromEntries(holds.map((each) => [each.kind, each]));
  }

  #reason(row, exceptions, { moment, channel, bit, content }) {
    const covers = (masks) => Boolean(masks && (masks[channel] >> bit) & 1);
    if (content !== "commercial") return content; // service and public interest are never suppressed
    if (covers(exceptions[ALLOW])) return "personal_allow";
    if (covers(exceptions[DENY])) return "personal_deny";
    if (covers(row)) return row[channel] === ALL ? "everything_declined" : "category_declined";
    if (row && isQuiet(row.quiet, moment)) return "quiet_hours";
    return covers(exceptions[CONSENT]) ? "consented" : "no_recorded_will";
  }
}

/** Bits 0-23 hours, 24-30 Monday to Sunday, 31 public holidays; all in China, which has one zone and no summer time. */
export function isQuiet(quiet, moment) {
  const local = new Date(moment.getTime() + 8 * 3_600_000);
  if ((quiet >>> local.getUTCHours()) & 1) return true;
  if ((quiet >>> (24 + ((local.getUTCDay() + 6) % 7))) & 1) return true;
  if (!(quiet >>> 31)) return false;
  const days = HOLIDAYS[local.getUTCFullYear()]; // the State Council arranges them anew each year: keep the table fresh
  if (!days) throw new Error(`the public holidays of ${local.getUTCFullYear()} are not in holidays.json`);
  return days.includes(local.toISOString().slice(5, 10));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder, number, more = "{}"] = process.argv.slice(2);
  const asked = { at: new Date().toISOString(), ...JSON.parse(more), number };
  console.log(JSON.stringify(new Lookup(folder).answer(asked)));
}
