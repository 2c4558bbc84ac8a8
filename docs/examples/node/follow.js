// Follows a feed: verifies it by TUF from the trusted root, applies what is new, compares roots, acknowledges.
//   node follow.js https://registry.example/api/v1/feeds/PARTY STATE_FOLDER TRUSTED_ROOT.json KEY_FILE
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { BaseFetcher, Updater } from "tuf-js";
import errors from "tuf-js/dist/error.js";
import { newPrivateKey, publicKeyOf, unwrap } from "./keys.js";
import { cheapestPath, EXCEPTIONS, LIST, Rows } from "./list.js";

class KeyedFetcher extends BaseFetcher { // tuf-js fetches without a key of its own accord
  constructor(key) {
    super();
    this.key = key;
  }

  async fetch(url) {
    const answer = await fetch(url, { headers: { Authorization: `Bearer ${this.key}` } });
    if (answer.ok) return answer.body;
    throw new errors.DownloadHTTPError(`HTTP ${answer.status}`, answer.status); // 404 ends its search for newer roots
  }
}

/** Bring the list in a folder to the newest edition of a feed; what is there now. */
export async function follow(url, folder, root, key) {
  for (const name of ["metadata", "targets", "lists"]) mkdirSync(join(folder, name), { recursive: true });
  if (!existsSync(join(folder, "metadata", "root.json"))) copyFileSync(root, join(folder, "metadata", "root.json"));
  const party = url.replace(/\/+$/, "").split("/").at(-1);
  const index = await newestIndex(url, folder, key);
  if (index.recipient !== party) throw new Error("this is another recipient's feed");

  const state = readState(folder);
  const keys = state.keys?.[index.epoch] ? state.keys : await listKeys(url, folder, party, key);
  const same = !state.drifted && state.epoch === index.epoch && state.algorithm === index.algorithm;
  if (same && state.edition > index.newest) throw new Error("the feed is older than the list: it is not taken");
  const path = same && state.edition === index.newest ? [] : cheapestPath(index, same ? state.edition : 0);
  const anew = !same || path[0]?.kind === "full"; // the old list goes on blocking until the new one is whole
  const list = anew ? new Rows(LIST) : new Rows(LIST, readFileSync(join(folder, state.files[0])));
  const exceptions = anew ? new Rows(EXCEPTIONS) : new Rows(EXCEPTIONS, readFileSync(join(folder, state.files[1])));
  for (const file of path) {
    for (const part of file.parts) await list.apply(await bring(url, folder, part, key));
    for (const part of file.exceptions) await exceptions.apply(await bring(url, folder, part, key));
  }

  const roots = [list.root(), exceptions.root()];
  const said = index.editions.find((each) => each.edition === index.newest && each.epoch === index.epoch);
  if (roots[0] !== said.contentRoot || roots[1] !== said.exceptionsRoot) {
    if (state.edition) writeState(folder, { ...state, drifted: true }); // it stays, and the next run begins anew
    throw new Error("the roots differ from the feed's: the list is not taken");
  }
  const files = [`list-${index.epoch}-${index.newest}`, `exceptions-${index.epoch}-${index.newest}`];
  writeFileSync(join(folder, files[0]), list.bytes());
  writeFileSync(join(folder, files[1]), exceptions.bytes());
  const { epoch, algorithm, parties, newest: edition } = index;
  writeState(folder, { edition, epoch, algorithm, parties, files, keys });
  for (const old of state.files ?? []) if (!files.includes(old)) rmSync(join(folder, old), { force: true });
  rmSync(join(folder, "lists"), { recursive: true });
  const answer = await call(url, key, "POST", "acknowledgements", {
    edition, content_root: roots[0], exceptions_root: roots[1],
  });
  const counts = { entries: list.rows.size, exceptions: exceptions.rows.size, files: path.length };
  return { before: state.edition ?? 0, edition, epoch, ...counts, agrees: answer.agrees };
}

/** feed.json, verified: root, timestamp, snapshot, targets, the index under its own digest (consistent snapshots). */
async function newestIndex(url, folder, key) {
  const updater = new Updater({
    metadataDir: join(folder, "metadata"), metadataBaseUrl: `${url}/metadata`,
    targetDir: join(folder, "targets"), targetBaseUrl: `${url}/targets`, fetcher: new KeyedFetcher(key),
  });
  await updater.refresh(); // throws for what is expired, older than what was seen, altered, or signed by another key
  const target = await updater.getTargetInfo("feed.json");
  const found = (await updater.findCachedTarget(target)) ?? (await updater.downloadTarget(target));
  const index = JSON.parse(readFileSync(found, "utf8"));
  const part = ([rows, bytes, sha256]) => ({ rows, bytes, sha256 });
  const files = index.files.map(([kind, from, to, epoch, parts, exceptions = []]) =>
    ({ kind, from, to, epoch, parts: parts.map(part), exceptions: exceptions.map(part) }));
  const editions = index.editions.map(([edition, entries, contentRoot, , exceptionsRoot, , epoch = 1]) =>
    ({ edition, entries, contentRoot, exceptionsRoot, epoch }));
  return { ...index, files, editions };
}

/** A list file, fetched and checked: the verified index binds it by its SHA-256. */
async function bring(url, folder, part, key) {
  const into = join(folder, "lists", `${part.sha256}.parquet`);
  if (existsSync(into)) return into; // it is only ever there under its name once it was checked
  const answer = await fetch(`${url}/lists/${part.sha256}.parquet`, { headers: { Authorization: `Bearer ${key}` } });
  if (!answer.ok) throw new Error(`a list file: HTTP ${answer.status}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (createHash("sha256").update(bytes).digest("hex") !== part.sha256) throw new Error("a list file was altered");
  writeFileSync(`${into}.part`, bytes);
  renameSync(`${into}.part`, into);
  return into;
}

/** The list keys of all epochs, by epoch (hex), unwrapped with our own private key; made at the first run, mode 600. */
async function listKeys(url, folder, party, key) {
  const file = join(folder, "private-key.json");
  if (!existsSync(file)) writeFileSync(file, JSON.stringify(newPrivateKey()), { mode: 0o600 });
  const own = JSON.parse(readFileSync(file, "utf8"));
  await call(url, key, "PUT", "keys/recipient", { public_key: publicKeyOf(own).toString("base64") });
  const { keys } = await call(url, key, "GET", "keys");
  const open = ({ epoch, wrapped }) => [epoch, unwrap(own, wrapped, party, epoch).toString("hex")];
  return Object.fromEntries(keys.map(open));
}

async function call(url, key, method, path, body) {
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
  const address = url.replace(/\/feeds\/.*/, `/${path}`);
  const answer = await fetch(address, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: HTTP ${answer.status}`);
  return answer.status === 204 ? {} : answer.json();
}

export function readState(folder) {
  const file = join(folder, "state.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

function writeState(folder, state) { // written whole, then moved into place: a crash leaves the old list or the new one
  writeFileSync(join(folder, "state.json.part"), JSON.stringify(state), { mode: 0o600 });
  renameSync(join(folder, "state.json.part"), join(folder, "state.json"));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [url, folder, root, keyFile] = process.argv.slice(2);
  console.log(JSON.stringify(await follow(url, folder, root, readFileSync(keyFile, "utf8").trim())));
}
