// Keys and tags with node:crypto alone: the list key is unwrapped (HPKE, RFC 9180), numbers become tags (RFC 4493).
import {
  createCipheriv, createDecipheriv, createHmac, createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync,
} from "node:crypto";

const bytes = (text) => Buffer.from(text, "latin1");
const u16 = (number) => Buffer.from([number >> 8, number & 255]);
const hmac = (key, ...parts) => createHmac("sha256", key).update(Buffer.concat(parts)).digest();

// --- your own key pair: the private key never leaves you, the public one goes to PUT /api/v1/keys/recipient

export function newPrivateKey() {
  return generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
}

export function publicKeyOf(jwk) {
  return Buffer.from(jwk.x, "base64url");
}

// --- HPKE, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM; no associated data

const KEM = Buffer.concat([bytes("KEM"), u16(0x0020)]);
const SUITE = Buffer.concat([bytes("HPKE"), u16(0x0020), u16(0x0001), u16(0x0001)]);
const VERSION = bytes("HPKE-v1");
const NONE = Buffer.alloc(0);

function extract(suite, salt, label, secret) {
  return hmac(salt.length ? salt : Buffer.alloc(32), VERSION, suite, bytes(label), secret);
}

function expand(suite, key, label, info, length) { // at most 32 bytes, so one round of HKDF-Expand
  return hmac(key, u16(length), VERSION, suite, bytes(label), info, Buffer.from([1])).subarray(0, length);
}

/** The 32-byte list key of one party and epoch, from what GET /api/v1/keys says of it (base64). */
export function unwrap(jwk, wrapped, party, epoch) {
  const box = Buffer.from(wrapped, "base64");
  const [theirs, sealed, mark] = [box.subarray(0, 32), box.subarray(32, -16), box.subarray(-16)];
  const point = { kty: "OKP", crv: "X25519", x: theirs.toString("base64url") };
  const publicKey = createPublicKey({ key: point, format: "jwk" });
  const agreed = diffieHellman({ privateKey: createPrivateKey({ key: jwk, format: "jwk" }), publicKey });
  const shared = expand(
    KEM, extract(KEM, NONE, "eae_prk", agreed), "shared_secret", Buffer.concat([theirs, publicKeyOf(jwk)]), 32,
  );

  const number = Buffer.alloc(4);
  number.writeUInt32BE(epoch);
  const info = Buffer.concat([bytes("decline-call/v1 list-key"), u16(party.length), bytes(party), number]);
  const context = Buffer.concat([
    Buffer.from([0]), extract(SUITE, NONE, "psk_id_hash", NONE), extract(SUITE, NONE, "info_hash", info),
  ]);
  const secret = extract(SUITE, shared, "secret", NONE);
  const key = expand(SUITE, secret, "key", context, 16);
  const opened = createDecipheriv("aes-128-gcm", key, expand(SUITE, secret, "base_nonce", context, 12));
  opened.setAuthTag(mark);
  return Buffer.concat([opened.update(sealed), opened.final()]); // throws where the key was wrapped for somebody else
}

// --- tags: the first 8 bytes of CMAC(list key, block of the number), big-endian

const CIPHERS = { "aes-cmac-64": ["aes-256-ecb", 32], "sm4-cmac-64": ["sm4-ecb", 16] };

/** What turns E.164 digits (BigInt or text, without plus) into tags (BigInt) under one list key. */
export function tagger(key, algorithm = "aes-cmac-64") {
  const [name, size] = CIPHERS[algorithm];
  const cipher = createCipheriv(name, key.subarray(0, size), null).setAutoPadding(false);
  const one = (block) => cipher.update(block); // ECB of one block at a time is the raw cipher that CMAC is built from
  const zero = BigInt("0x" + one(Buffer.alloc(16)).toString("hex"));
  const doubled = BigInt.asUintN(128, zero << 1n) ^ (zero >> 127n ? 0x87n : 0n);
  const subkey = Buffer.from(doubled.toString(16).padStart(32, "0"), "hex");
  return (digits, kind = 1) => {
    const block = blockOf(digits, kind); // exactly one block, so CMAC is E(block xor subkey)
    for (let i = 0; i < 16; i++) block[i] ^= subkey[i];
    return one(block).readBigUInt64BE(0);
  };
}

/** 01 | kind | six zeros | digits as u64, big-endian; kind 1 is an E.164 number. */
export function blockOf(digits, kind = 1) {
  const block = Buffer.alloc(16);
  block[0] = 1;
  block[1] = kind;
  block.writeBigUInt64BE(BigInt(digits), 8);
  return block;
}
