import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.HexFormat;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;

/**
 * Numbers as tags, with the JDK alone (17 or newer): the first 8 bytes of AES-256-CMAC (RFC 4493) under your list key.
 *
 * <pre>
 * java Tag.java LIST_KEY_HEX 8613800138000 ...    prints the tag of each number (E.164 digits without plus)
 * java Tag.java --check FILE                      checks lines of: key (hex), kind, digits, tag (hex)
 * </pre>
 *
 * A Tag is cheap to ask and not for several threads at once: give each thread its own.
 */
public final class Tag {
    public static final int E164 = 1; // kind 2: short codes, service numbers and message ports
    private static final int BLOCK = 16;

    private final Cipher cipher;
    private final byte[] subkey;

    /** @param listKey the 32 bytes that GET /api/v1/keys delivers, unwrapped */
    public Tag(byte[] listKey) throws GeneralSecurityException {
        if (listKey.length != 32) {
            throw new IllegalArgumentException("a list key has 32 bytes");
        }
        // One block at a time: the raw cipher is what CMAC is built from.
        cipher = Cipher.getInstance("AES/ECB/NoPadding");
        cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(listKey, "AES"));
        subkey = doubled(cipher.doFinal(new byte[BLOCK]));
    }

    /** The tag of an E.164 number, as a 64-bit value without sign (print it with Long.toUnsignedString). */
    public long of(long digits) throws GeneralSecurityException {
        return of(digits, E164);
    }

    /** The tag of a number of a kind. The message is exactly one block, so CMAC is E(block xor subkey). */
    public long of(long digits, int kind) throws GeneralSecurityException {
        byte[] block = block(digits, kind);
        for (int i = 0; i < BLOCK; i++) {
            block[i] ^= subkey[i];
        }
        return ByteBuffer.wrap(cipher.doFinal(block)).getLong(); // big-endian
    }

    /** 01 | kind | six zeros | the digits as a u64, big-endian. */
    static byte[] block(long digits, int kind) {
        return ByteBuffer.allocate(BLOCK).put((byte) 1).put((byte) kind).putLong(8, digits).array();
    }

    /** Twice a block in the field of RFC 4493: shifted left by one bit, and xor 0x87 where a bit fell off. */
    private static byte[] doubled(byte[] block) {
        byte[] shifted = new byte[BLOCK];
        for (int i = 0; i < BLOCK; i++) {
            int next = i + 1 < BLOCK ? (block[i + 1] & 0xff) >>> 7 : 0;
            shifted[i] = (byte) (block[i] << 1 | next);
        }
        if (block[0] < 0) {
            shifted[BLOCK - 1] ^= (byte) 0x87;
        }
        return shifted;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length == 2 && arguments[0].equals("--check")) {
            System.exit(check(Path.of(arguments[1])) ? 0 : 1);
        }
        if (arguments.length < 2) {
            System.err.println("java Tag.java LIST_KEY_HEX DIGITS... | --check FILE");
            System.exit(2);
        }
        Tag tags = new Tag(HexFormat.of().parseHex(arguments[0]));
        for (int i = 1; i < arguments.length; i++) {
            System.out.println(HexFormat.of().toHexDigits(tags.of(Long.parseUnsignedLong(arguments[i]))));
        }
    }

    private static boolean check(Path file) throws Exception {
        int wrong = 0;
        int count = 0;
        for (String line : Files.readAllLines(file)) {
            String[] said = line.trim().split("\\s+");
            Tag tags = new Tag(HexFormat.of().parseHex(said[0]));
            long found = tags.of(Long.parseUnsignedLong(said[2]), Integer.parseInt(said[1]));
            count++;
            if (found != Long.parseUnsignedLong(said[3], 16)) {
                wrong++;
                System.out.println("line " + count + ": " + HexFormat.of().toHexDigits(found) + " is not " + said[3]);
            }
        }
        System.out.println(count + " tags checked, " + wrong + " wrong");
        return wrong == 0 && count > 0;
    }
}
