// A list and its exceptions in memory: rows from Parquet files, change sets applied, content roots, files on disk.
// For clarity one Buffer a row; with tens of millions of rows keep sorted typed arrays instead.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { decompress } from "fzstd";
import { parquetReadObjects } from "hyparquet";

/** The two kinds of rows: their columns in the order in which they are hashed, their keys, and what removes a row. */
export const LIST = {
  columns: [["tag", 8], ["calls", 2], ["robocalls", 2], ["messages", 2], ["quiet", 4]],
  size: 18, key: 8, removes: (row) => !row.calls && !row.robocalls && !row.messages && !row.quiet,
};
export const EXCEPTIONS = {
  columns: [["tag", 8], ["party", 4], ["kind", 1], ["calls", 2], ["robocalls", 2], ["messages", 2], ["until", 4]],
  size: 23, key: 13, removes: (row) => !row.calls && !row.robocalls && !row.messages,
};

function encode(kind, row) {
  const bytes = Buffer.alloc(kind.size);
  let at = 0;
  for (const [name, width] of kind.columns) {
    if (width === 8) bytes.writeBigUInt64BE(row[name], at);
    else bytes.writeUIntBE(row[name], at, width);
    at += width;
  }
  return bytes;
}

export function decode(kind, bytes) {
  const row = {};
  let at = 0;
  for (const [name, width] of kind.columns) {
    row[name] = width === 8 ? bytes.readBigUInt64BE(at) : bytes.readUIntBE(at, width);
    at += width;
  }
  return row;
}

/** Rows by their key (hex of the first bytes): a Map from key to encoded row. */
export class Rows {
  constructor(kind, bytes = Buffer.alloc(0)) {
    this.kind = kind;
    this.rows = new Map();
    for (let at = 0; at < bytes.length; at += kind.size) this.#put(bytes.subarray(at, at + kind.size));
  }

  #put(bytes) {
    this.rows.set(bytes.toString("hex", 0, this.kind.key), bytes);
  }

  /** Let a verified Parquet file speak: its rows replace those of the same key, rows of zeros remove them. */
  async apply(file) {
    const bytes = readFileSync(file);
    const rows = await parquetReadObjects({
      file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
      compressors: { ZSTD: (block) => decompress(block) },
    });
    for (const row of rows) {
      const encoded = encode(this.kind, row);
      if (this.kind.removes(row)) this.rows.delete(encoded.toString("hex", 0, this.kind.key));
      else this.#put(encoded);
    }
  }

  /** All rows, sorted by their keys; this is also what lies on disk. */
  bytes() {
    const keys = [...this.rows.keys()].sort(); // keys are hex of big-endian numbers, so text order is their order
    return Buffer.concat(keys.map((key) => this.rows.get(key)));
  }

  /** 256 buckets by the tag's top byte: leaf = SHA256(00 | rows), node = SHA256(01 | left | right); hex. */
  root() {
    const leaves = Array.from({ length: 256 }, () => createHash("sha256").update(Buffer.from([0])));
    const all = this.bytes();
    const size = this.kind.size;
    for (let at = 0; at < all.length; at += size) leaves[all[at]].update(all.subarray(at, at + size));
    let level = leaves.map((leaf) => leaf.digest());
    while (level.length > 1) {
      level = level.filter((_, i) => i % 2 === 0).map((left, i) =>
        createHash("sha256").update(Buffer.from([1])).update(left).update(level[2 * i + 1]).digest());
    }
    return level[0].toString("hex");
  }

  /** The rows of a tag: at most one of the list, one a party and kind of the exceptions. */
  of(tag) {
    const key = tag.toString(16).padStart(16, "0");
    if (this.kind === LIST) return this.rows.has(key) ? [decode(this.kind, this.rows.get(key))] : [];
    return [...this.rows].filter(([each]) => each.startsWith(key)).map(([, bytes]) => decode(this.kind, bytes));
  }
}

/** The files that lead from the edition one has (0: nothing) to the newest with the fewest bytes, in order. */
export function cheapestPath(index, have) {
  const cost = (file) => [...file.parts, ...file.exceptions].reduce((sum, part) => sum + part.bytes, 0);
  const best = new Map([[have, { cost: 0, path: [] }]]);
  const open = new Set([have]);
  while (open.size) {
    const at = [...open].reduce((a, b) => (best.get(b).cost < best.get(a).cost ? b : a));
    open.delete(at);
    if (at === index.newest) return best.get(at).path;
    for (const file of index.files) {
      // a change set fits at every edition that it spans; a full list only where nothing was applied before it
      const fits = file.kind === "full" ? best.get(at).path.length === 0 : file.from <= at && at < file.to;
      const reached = best.get(at).cost + cost(file);
      if (!fits || file.epoch !== index.epoch || (best.get(file.to)?.cost ?? Infinity) <= reached) continue;
      best.set(file.to, { cost: reached, path: [...best.get(at).path, file] });
      open.add(file.to);
    }
  }
  throw new Error("no files of the feed lead to its newest edition");
}
